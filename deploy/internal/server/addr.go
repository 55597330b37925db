package server

import (
	"errors"
	"net"
)

// FreeAddress returns an address on 127.0.0.1 on which nothing listened a moment ago, by TCP or UDP.
func FreeAddress() (string, error) {
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		address := tcp.Addr().String()
		udp, err := net.ListenPacket("udp", address)
		_ = tcp.Close()
		if err != nil {
			continue // taken by UDP; the next will do
		}
		_ = udp.Close()
		return address, nil
	}
	return "", errors.New("no address is free by both TCP and UDP")
}
