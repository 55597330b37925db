package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"github.com/quic-go/quic-go"
)

// A quicJob says what a node is: one that has followers leads.
type quicJob struct {
	Followers []string
	Payload   int // bytes
}

// quicNode is a process that moves events. What it starts ends with it.
func quicNode(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("quic-node wants its job")
	}
	var job quicJob
	if err := json.Unmarshal([]byte(args[0]), &job); err != nil {
		return err
	}
	config, err := quicServer()
	if err != nil {
		return err
	}
	listener, err := quic.ListenAddr("127.0.0.1:0", config, nil)
	if err != nil {
		return err
	}
	defer listener.Close()
	serve := quicFollow
	if len(job.Followers) > 0 {
		p, err := newPacker(ctx, job)
		if err != nil {
			return err
		}
		go p.run()
		serve = p.serve
	}
	go func() {
		for {
			conn, err := listener.Accept(ctx)
			if err != nil {
				return
			}
			go func() {
				if stream, err := conn.AcceptStream(ctx); err == nil {
					serve(stream)
				}
			}()
		}
	}()
	fmt.Println(listener.Addr())
	untilClosed(ctx, os.Stdin)
	return nil
}

// quicFollow answers each batch, which has its length before it, with a byte.
func quicFollow(stream *quic.Stream) {
	r := bufio.NewReaderSize(stream, 64<<10)
	var batch []byte
	for {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return
		}
		if n := int(binary.BigEndian.Uint32(size[:])); cap(batch) < n {
			batch = make([]byte, n)
		} else {
			batch = batch[:n]
		}
		if _, err := io.ReadFull(r, batch); err != nil {
			return
		}
		if _, err := stream.Write(size[:1]); err != nil {
			return
		}
	}
}

func quicServer() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{quicProtocol}}, nil
}

const quicProtocol = "bare"

// quicDial opens a connection of its own, with one stream. It believes any certificate: the nodes make theirs anew each time.
func quicDial(ctx context.Context, address string) (*quic.Stream, error) {
	conn, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{quicProtocol}}, nil)
	if err != nil {
		return nil, err
	}
	return conn.OpenStream()
}
