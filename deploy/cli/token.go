package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"weir/edge/token"
)

// tokenCommand is "weir token".
type tokenCommand struct {
	Tenant    string        `help:"Tenant of the user." env:"WEIR_TENANT" placeholder:"NAME"`
	Subject   string        `required:"" help:"The user." placeholder:"USER"`
	Subscribe []string      `help:"Channels to subscribe to: names, or prefixes that end in *. Repeatable." placeholder:"PATTERN"`
	Publish   []string      `help:"Channels to publish to. Repeatable." placeholder:"PATTERN"`
	Pin       []string      `help:"Filter that all the user's subscriptions have to pass, with its params as JSON. Repeatable." sep:"none" placeholder:"FILTER[@VERSION]=PARAMS"`
	Explain   bool          `help:"The user may ask why a subscription got an event or did not. The answer shows pinned filters."`
	TTL       time.Duration `name:"ttl" help:"How long the token is valid." default:"1h" placeholder:"DURATION"`
	KeyFile   string        `help:"Signing key, a private JSON Web Key. In the folder of a running \"weir dev\": its own." type:"path" env:"WEIR_KEY_FILE" placeholder:"FILE"`
	JSON      bool          `help:"Print JSON."`
}

func (tokenCommand) Help() string {
	return `Signs a token on this machine, without asking a server. "weir key signing create" makes the key.

Examples:

    weir token --tenant acme --key-file signing.jwk --subject ada --subscribe 'chat:*' --publish chat:lobby
    weir token --subject ada --subscribe flights --pin 'viewport={"west":-80,"south":38,"east":-70,"north":44}'
    weir sub flights --token "$(weir token --subject ada --subscribe flights)"`
}

func (c *tokenCommand) Run(con *console) error {
	if c.TTL <= 0 {
		return usagef("as in --ttl 1h", "--ttl must be positive")
	}
	key, err := c.key()
	if err != nil {
		return err
	}
	pins, err := parsePins(c.Pin, c.Subscribe)
	if err != nil {
		return err
	}
	now := time.Now()
	claims := &token.Claims{
		Tenant: c.Tenant, Subject: c.Subject, IssuedAt: now, Expires: now.Add(c.TTL),
		Subscribe: c.Subscribe, Publish: c.Publish, Pinned: pins, Explain: c.Explain,
	}
	signed, err := token.Mint(claims, key)
	if err != nil {
		return &failure{err: err, usage: true}
	}
	if c.JSON {
		return con.printJSON(map[string]string{"token": signed, "expires": timestamp(claims.Expires.UnixMilli())})
	}
	_, err = fmt.Fprintln(con.out, signed)
	return err
}

// key reads the signing key; from a local "weir dev" it also takes the tenant, where none is named.
func (c *tokenCommand) key() (*token.PrivateKey, error) {
	path := c.KeyFile
	if path == "" {
		dev, err := findDev("--tenant and --key-file")
		if err != nil {
			return nil, err
		}
		path = dev.SigningKeyFile
		c.Tenant = firstNonEmpty(c.Tenant, dev.Tenant)
	}
	if c.Tenant == "" {
		return nil, usagef("", "--tenant is missing: it must be the one that the signing key belongs to")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef(`"weir key signing create --out FILE" makes one`, "can't read the signing key: %w", err)
	}
	key, err := token.ParseJWK(text)
	if err != nil {
		return nil, failf("", "%s: %w", path, err)
	}
	return key, nil
}

// parsePins reads FILTER[@VERSION]=PARAMS; each is set upon all channels that may be subscribed to.
func parsePins(texts, channels []string) ([]token.Pin, error) {
	var pins []token.Pin
	for _, text := range texts {
		filter, params, ok := strings.Cut(text, "=")
		if !ok || !json.Valid([]byte(params)) {
			return nil, usagef(`as in --pin 'viewport={"west":-80,"south":38,"east":-70,"north":44}'`,
				"--pin %s does not name a filter and its params as JSON", text)
		}
		name, version, err := parseFilterName(filter)
		if err != nil {
			return nil, err
		}
		pins = append(pins, token.Pin{Channels: channels, Filter: name, Version: version, Params: json.RawMessage(params)})
	}
	return pins, nil
}

// parseFilterName reads NAME or NAME@VERSION; without a version it is 0, the live one.
func parseFilterName(text string) (name string, version uint32, err error) {
	name, number, versioned := strings.Cut(text, "@")
	if !versioned {
		return name, 0, nil
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 {
		return "", 0, usagef("as in viewport@3; without a version it is the live one", "%q is no version of a filter", number)
	}
	return name, uint32(n), nil
}
