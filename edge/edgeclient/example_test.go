package edgeclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"weir/edge/edgeclient"
	"weir/proto/fault"
)

// A program follows a log channel from where it left off, and prints what it gets.
func ExampleClient_Subscribe() {
	ctx := context.Background()
	client, err := edgeclient.Dial(ctx, edgeclient.Config{URL: "https://relay.example", Token: "eyJ..."})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	sub, err := client.Subscribe(ctx, "chat:room-1", edgeclient.SubscribeOptions{After: &edgeclient.Cursor{Epoch: 1795000000000, Offset: 41}})
	if err != nil {
		log.Fatal(err)
	}
	for message, err := range sub.Messages(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		switch message.Type {
		case edgeclient.Event:
			fmt.Printf("%d: %s\n", message.Cursor.Offset, message.Payload)
		case edgeclient.Gap:
			fmt.Printf("events %d to %d are missing: %s\n", message.From, message.To, message.Reason)
		}
	}
}

// A map follows what is in its viewport, and pans.
func ExampleSubscription_SetParams() {
	ctx := context.Background()
	client, err := edgeclient.Dial(ctx, edgeclient.Config{URL: "https://relay.example", Token: "eyJ..."})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	sub, err := client.Subscribe(ctx, "flights", edgeclient.SubscribeOptions{
		Filters: []edgeclient.Filter{{Name: "viewport", Params: []byte(`{"west":5,"south":45,"east":10,"north":48}`)}},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for message, err := range sub.Messages(ctx) {
			if err != nil {
				return
			}
			switch message.Type {
			case edgeclient.Snapshot, edgeclient.Enter, edgeclient.Update:
				fmt.Printf("draw %s at %s\n", message.Key, message.Payload)
			case edgeclient.Leave:
				fmt.Printf("remove %s\n", message.Key)
			case edgeclient.Synced:
				fmt.Printf("%d planes\n", len(sub.View()))
			}
		}
	}()
	if err := sub.SetParams(ctx, []byte(`{"west":7,"south":45,"east":12,"north":48}`)); err != nil {
		log.Print(err) // the older params go on holding
	}
}

// A backend publishes, and hears of each event where it has its place.
func ExampleClient_Publish() {
	ctx := context.Background()
	client, err := edgeclient.New(edgeclient.Config{
		URL:         "https://relay.example",
		TokenSource: func(context.Context) (string, error) { return "eyJ...", nil },
		OnState:     func(s edgeclient.Status) { log.Print(s.State, s.Err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	receipt, err := client.Publish(ctx, edgeclient.Publication{
		Channel: "chat:room-1", Payload: []byte(`{"text":"hello"}`), ContentType: "application/json",
	})
	switch {
	case err == nil:
		fmt.Println("published at", receipt.Cursor.Offset)
	case errors.Is(err, fault.New(fault.Timeout, "")):
		fmt.Println("may or may not be published:", err)
	default:
		fmt.Println("not published:", err)
	}
}

// Many publications go out without waiting for one another.
func ExampleClient_PublishAsync() {
	ctx := context.Background()
	client, err := edgeclient.Dial(ctx, edgeclient.Config{URL: "https://relay.example", Token: "eyJ..."})
	if err != nil {
		log.Fatal(err)
	}
	var pending []*edgeclient.Pending
	for i := range 1000 {
		p, err := client.PublishAsync(ctx, edgeclient.Publication{Channel: "log:numbers", Payload: fmt.Append(nil, i)})
		if err != nil {
			log.Fatal(err)
		}
		pending = append(pending, p)
	}
	for _, p := range pending {
		if _, err := p.Wait(ctx); err != nil {
			log.Print(err)
		}
	}
	if err := client.Close(); err != nil {
		log.Print(err)
	}
}
