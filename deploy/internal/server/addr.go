package server

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports that servers get are below those that systems give to outgoing connections (32768 and up on Linux, 49152 and up
// elsewhere), so that nobody takes one by chance between looking and listening.
const (
	firstPort = 10_000
	lastPort  = 32_000
)

// FreeAddress returns an address on 127.0.0.1 on which nothing listened a moment ago, by TCP or UDP.
func FreeAddress() (string, error) {
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			continue // taken; the next will do
		}
		udp, err := net.ListenPacket("udp", address)
		_ = tcp.Close()
		if err != nil {
			continue
		}
		_ = udp.Close()
		return address, nil
	}
	return "", errors.New("no address is free by both TCP and UDP")
}
