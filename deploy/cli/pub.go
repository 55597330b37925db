package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime"
	"strings"

	"weir/edge/edgeclient"
	"weir/proto/producer"
)

// pubCommand is "weir pub".
type pubCommand struct {
	Channel     string   `arg:"" help:"Channel to publish to."`
	Data        string   `arg:"" optional:"" help:"Payload; - for standard input, a line an event."`
	Key         string   `short:"k" help:"State channels: what the event is the latest version of." placeholder:"KEY"`
	Delete      bool     `help:"State channels: delete the key."`
	Ack         string   `help:"region: answer when the event is durable. none: pass it on to whoever is there, without storing it." enum:"region,none" default:"region"`
	ContentType string   `help:"Media type of the payload. JSON is recognised by itself." placeholder:"TYPE"`
	Header      []string `short:"H" help:"Header that travels with the event. Repeatable." sep:"none" placeholder:"NAME=VALUE"`
	JSON        bool     `help:"Print epoch, offset and whether it was a duplicate as JSON, a line an event."`
	Producer    string   `help:"Repeat what an earlier command has had no receipt for: the identity that it named." placeholder:"ID"`
	Sequence    uint64   `help:"With --producer: the sequence that it named, of the event or the first line." placeholder:"N"`
	edgeTarget
}

func (pubCommand) Help() string {
	return `Prints the offset of each event once it is durable. Until then it is sent again, across lost connections and changes
of leaders, and published once. A signal, or no receipt within --timeout, ends that: it is said which events may or may not
have been published, and how to repeat them without publishing any twice.

Exit codes: 0, all are published; 1, one was refused; 2, wrong usage; 3, it is not known whether all are published; 130, a
signal came first, and nothing is unknown.

Examples:

    weir pub chat '{"text":"hello"}'
    weir pub flights '{"lat":48.1,"lon":11.5}' --key DLH4AB
    weir pub flights --key DLH4AB --delete
    weir pub cursors:doc-7 '{"x":3}' --ack none
    tail -f access.log | weir pub logs -
    weir pub chat '{"text":"hello"}' --producer mi5k2v8b-52fdfc072182654f163f5f0f9a621d72 --sequence 1`
}

func (c *pubCommand) Run(ctx context.Context, con *console, log *slog.Logger) error {
	template, err := c.template()
	if err != nil {
		return err
	}
	address, err := c.resolve()
	if err != nil {
		return err
	}
	address.producer = c.Producer
	client, err := dialEdge(ctx, address, log)
	if err != nil {
		return err
	}
	settle := func() { _ = client.Shutdown(ended()) }
	defer settle()
	p := &pipeline{
		send: sendTo(client), template: *template, timeout: c.Timeout, waitsFor: waitsFor(address, client, c.Channel), settle: settle,
		print: func(r edgeclient.Receipt) error { return c.print(con, r) },
	}
	if c.Data == "-" {
		err = p.all(ctx, con.in)
	} else {
		err = p.one(ctx, []byte(c.Data))
	}
	if isClosedOutput(err) {
		return nil
	}
	return err
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// template returns the publication that the flags describe, without its payload.
func (c *pubCommand) template() (*edgeclient.Publication, error) {
	switch {
	case c.Delete && c.Data != "":
		return nil, usagef("", "--delete takes no payload")
	case c.Delete && c.Key == "":
		return nil, usagef("", "--delete needs --key")
	case !c.Delete && c.Data == "":
		return nil, usagef(`give it after the channel, or - to read standard input`, "there is nothing to publish")
	case (c.Producer == "") != (c.Sequence == 0):
		return nil, usagef("give what the earlier command said", "--producer and --sequence need each other")
	case c.Producer != "" && c.Ack == "none":
		return nil, usagef("", "what is not stored can't be repeated: nobody would recognise it")
	}
	if c.Producer != "" {
		if _, err := producer.Parse(c.Producer); err != nil {
			return nil, usagef("give what the earlier command said", "--producer: %w", err)
		}
	}
	if c.ContentType != "" {
		if _, _, err := mime.ParseMediaType(c.ContentType); err != nil {
			return nil, usagef("as in application/json", "--content-type %s is no media type", c.ContentType)
		}
	}
	p := &edgeclient.Publication{
		Channel: c.Channel, Key: c.Key, ContentType: c.ContentType, Delete: c.Delete, Ephemeral: c.Ack == "none",
		Sequence: c.Sequence,
	}
	for _, text := range c.Header {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usagef("as in --header trace=4bf92f", "--header %s is not NAME=VALUE", text)
		}
		p.Headers = append(p.Headers, edgeclient.Header{Name: name, Value: value})
	}
	return p, nil
}

const jsonType = "application/json"

// carrying returns a publication with a payload, and says of JSON that it is: browsers go by the media type.
func carrying(p edgeclient.Publication, payload []byte) edgeclient.Publication {
	p.Payload = payload
	if p.ContentType == "" && len(payload) > 0 && json.Valid(payload) {
		p.ContentType = jsonType
	}
	return p
}

// pubView is a receipt in JSON.
type pubView struct {
	Channel   string `json:"channel"`
	Epoch     uint64 `json:"epoch"`
	Offset    uint64 `json:"offset"`
	Duplicate bool   `json:"duplicate"`
}

func (c *pubCommand) print(con *console, r edgeclient.Receipt) error {
	if c.JSON {
		return con.printJSON(pubView{c.Channel, r.Cursor.Epoch, r.Cursor.Offset, r.Duplicate})
	}
	if r.Cursor.Offset == 0 {
		return nil // ephemeral: there is none
	}
	_, err := fmt.Fprintln(con.out, r.Cursor.Offset)
	return err
}
