package token_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"weir/edge/token"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func claims() *token.Claims {
	return &token.Claims{
		Tenant: "acme", Subject: "ann", Expires: now.Add(time.Hour), NotBefore: now.Add(-time.Minute), IssuedAt: now,
		Subscribe: []string{"chat:*", "flights"}, Publish: []string{"chat:room-1"},
		Pinned: []token.Pin{
			{Channels: []string{"flights"}, Filter: "viewport", Params: json.RawMessage(`{"north":60}`)},
			{Channels: []string{"*"}, Filter: "redact", Version: 3},
		},
	}
}

func TestMintedTokensVerify(t *testing.T) {
	for _, algorithm := range []string{token.HS256, token.ES256, token.EdDSA} {
		t.Run(algorithm, func(t *testing.T) {
			key := privateKey(t, algorithm)
			signed, err := token.Mint(claims(), key)
			if err != nil {
				t.Fatal(err)
			}
			got, err := token.Verify(signed, finder(t), now)
			if err != nil {
				t.Fatal(err)
			}
			want := claims()
			want.KeyID = key.ID()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCapabilities(t *testing.T) {
	c := claims()
	for channel, want := range map[string][3]any{
		"chat:room-1": {true, true, 1},
		"chat:room-2": {true, false, 1},
		"flights":     {true, false, 2},
		"flights:eu":  {false, false, 1},
		"chat":        {false, false, 1},
	} {
		got := [3]any{c.CanSubscribe(channel), c.CanPublish(channel), len(c.Pins(channel))}
		if got != want {
			t.Errorf("%s: subscribe, publish, pins = %v, want %v", channel, got, want)
		}
	}
	if (&token.Claims{}).CanSubscribe("chat") || (&token.Claims{}).CanPublish("chat") {
		t.Error("a token without patterns may do something")
	}
}

// sign makes a token with any header and claims, signed well.
func sign(t testing.TB, algorithm string, header, body map[string]any) string {
	t.Helper()
	method := map[string]jwt.SigningMethod{
		token.HS256: jwt.SigningMethodHS256, token.ES256: jwt.SigningMethodES256, token.EdDSA: jwt.SigningMethodEdDSA,
		"none": jwt.SigningMethodNone,
	}[algorithm]
	unsigned := jwt.NewWithClaims(method, jwt.MapClaims(body))
	for k, v := range header {
		unsigned.Header[k] = v
	}
	var key any = jwt.UnsafeAllowNoneSignatureType
	if algorithm == token.HS256 {
		signing, err := privateKey(t, algorithm).SigningKey("acme")
		if err != nil {
			t.Fatal(err)
		}
		key = signing.GetKey()
	} else if algorithm != "none" {
		t.Fatalf("can't sign with %s", algorithm)
	}
	signed, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestUnknownKeysAreToldFromWhatIsWrong(t *testing.T) {
	signed := func(header map[string]any, exp time.Time) string {
		return sign(t, token.HS256, header, map[string]any{"iss": "acme", "sub": "ann", "exp": exp.Unix()})
	}
	unknown := map[string]any{"kid": "k-no"}
	_, err := token.Verify(signed(unknown, now.Add(time.Hour)), finder(t), now)
	if !errors.Is(err, token.ErrUnknownKey) || fault.CodeOf(err) != fault.TokenInvalid {
		t.Errorf("an unknown key: %v", err)
	}
	_, err = token.Verify(signed(unknown, now.Add(-time.Hour)), finder(t), now)
	if errors.Is(err, token.ErrUnknownKey) || fault.CodeOf(err) != fault.TokenExpired {
		t.Errorf("an unknown key, expired: %v", err)
	}
	good := strings.Split(signed(map[string]any{"kid": "k-hs"}, now.Add(time.Hour)), ".")
	_, err = token.Verify(good[0]+"."+good[1]+".AAAA", finder(t), now)
	if errors.Is(err, token.ErrUnknownKey) || fault.CodeOf(err) != fault.TokenInvalid {
		t.Errorf("a wrong signature of a known key: %v", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	exp := now.Add(time.Hour).Unix()
	good := map[string]any{"iss": "acme", "sub": "ann", "exp": exp}
	with := func(claim string, value any) map[string]any {
		body := map[string]any{"iss": "acme", "sub": "ann", "exp": exp}
		if value == nil {
			delete(body, claim)
		} else {
			body[claim] = value
		}
		return body
	}
	kid := map[string]any{"kid": "k-hs"}
	hs := func(header, body map[string]any) string { return sign(t, token.HS256, header, body) }
	whole := hs(kid, good)
	parts := strings.Split(whole, ".")
	other := strings.Split(hs(kid, with("sub", "bob")), ".")

	tests := map[string]struct {
		token string
		code  fault.Code
		want  string
	}{
		"empty":             {"", fault.Unauthenticated, "no token"},
		"noise":             {"abc", fault.Unauthenticated, "no JSON Web Token"},
		"two parts":         {parts[0] + "." + parts[1], fault.Unauthenticated, "no JSON Web Token"},
		"four parts":        {whole + ".x", fault.Unauthenticated, "no JSON Web Token"},
		"endless":           {strings.Repeat("x", 16<<10+1), fault.Unauthenticated, "at most"},
		"not JSON":          {"e30." + encode([]byte("{")) + ".e30", fault.Unauthenticated, "no JSON Web Token"},
		"no signature":      {parts[0] + "." + parts[1] + ".", fault.TokenInvalid, "signature is wrong"},
		"claims exchanged":  {parts[0] + "." + other[1] + "." + parts[2], fault.TokenInvalid, "signature is wrong"},
		"algorithm none":    {sign(t, "none", kid, good), fault.TokenInvalid, "signature is wrong"},
		"algorithm made up": {encode([]byte(`{"alg":"XX","kid":"k-hs"}`)) + "." + parts[1] + "." + parts[2], fault.TokenInvalid, "can't be verified"},
		"key of another":    {hs(map[string]any{"kid": "k-ed"}, good), fault.TokenInvalid, "algorithm is HS256, its signing key's is EdDSA"},
		"no kid":            {hs(nil, good), fault.TokenInvalid, `no "kid"`},
		"kid of wrong type": {hs(map[string]any{"kid": 7}, good), fault.TokenInvalid, `no "kid"`},
		"unknown kid":       {hs(map[string]any{"kid": "k-no"}, good), fault.TokenInvalid, "none of the tenant's"},
		"unknown tenant":    {hs(kid, with("iss", "other")), fault.TokenInvalid, "none of the tenant's"},
		"no tenant":         {hs(kid, with("iss", nil)), fault.TokenInvalid, `"iss" is no tenant`},
		"critical header":   {hs(map[string]any{"kid": "k-hs", "crit": []string{"b64"}}, good), fault.TokenInvalid, "crit"},
		"no exp":            {hs(kid, with("exp", nil)), fault.TokenInvalid, `"exp" is missing`},
		"exp of wrong type": {hs(kid, with("exp", "soon")), fault.Unauthenticated, "wrong type"},
		"expired":           {hs(kid, with("exp", now.Add(-time.Minute).Unix())), fault.TokenExpired, "expired 1m0s ago"},
		"not yet valid":     {hs(kid, with("nbf", now.Add(time.Minute).Unix())), fault.TokenExpired, "not valid yet, for another 1m0s"},
		"no user":           {hs(kid, with("sub", nil)), fault.TokenInvalid, `"sub" is missing`},
		"bad pattern":       {hs(kid, with("weir", map[string]any{"subscribe": []string{"a", "b c"}})), fault.TokenInvalid, `"weir.subscribe", pattern 2`},
		"pin without":       {hs(kid, with("weir", map[string]any{"pin": []any{map[string]any{"filter": "a"}}})), fault.TokenInvalid, "no channels"},
		"pin bad filter": {
			hs(kid, with("weir", map[string]any{"pin": []any{map[string]any{"filter": "A!", "channels": []string{"*"}}}})),
			fault.TokenInvalid, `"weir.pin[0].filter"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := token.Verify(tt.token, finder(t), now)
			if err == nil {
				t.Fatalf("accepted: %+v", got)
			}
			f, ok := err.(*fault.Fault)
			if !ok || f.Code != tt.code || !strings.Contains(f.Message, tt.want) || f.Hint == "" {
				t.Fatalf("error %v, want %s with %q and a hint", err, tt.code, tt.want)
			}
			for _, part := range strings.Split(tt.token, ".") {
				if len(part) > 8 && strings.Contains(err.Error(), part) {
					t.Errorf("the error repeats the token: %v", err)
				}
			}
		})
	}
}

func TestVerifyAllowsForClocks(t *testing.T) {
	key := privateKey(t, token.HS256)
	c := claims()
	c.Expires = now.Add(-9 * time.Second)
	c.NotBefore = now.Add(9 * time.Second)
	signed, err := token.Mint(c, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.Verify(signed, finder(t), now); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	if _, err := token.Verify(signed, finder(t), now.Add(2*time.Second)); fault.CodeOf(err) != fault.TokenExpired {
		t.Errorf("beyond the leeway: %v", err)
	}
}

func TestVerifyRefusesUnusableKeys(t *testing.T) {
	signed, err := token.Mint(claims(), privateKey(t, token.ES256))
	if err != nil {
		t.Fatal(err)
	}
	ed, err := privateKey(t, token.EdDSA).SigningKey("acme")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*weirpb.SigningKey{
		"not DER":       {Algorithm: token.ES256, Key: []byte("x")},
		"of other kind": {Algorithm: token.ES256, Key: ed.GetKey()},
	} {
		_, err := token.Verify(signed, func(string, string) *weirpb.SigningKey { return key }, now)
		if fault.CodeOf(err) != fault.TokenInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMintRefuses(t *testing.T) {
	key := privateKey(t, token.HS256)
	for name, change := range map[string]func(*token.Claims){
		"no expiry":     func(c *token.Claims) { c.Expires = time.Time{} },
		"no tenant":     func(c *token.Claims) { c.Tenant = "" },
		"no user":       func(c *token.Claims) { c.Subject = "" },
		"long user":     func(c *token.Claims) { c.Subject = strings.Repeat("x", 201) },
		"bad pattern":   func(c *token.Claims) { c.Publish = []string{"a*b"} },
		"many patterns": func(c *token.Claims) { c.Publish = make([]string, 257) },
		"many pins":     func(c *token.Claims) { c.Pinned = make([]token.Pin, 17) },
		"bad params":    func(c *token.Claims) { c.Pinned[0].Params = json.RawMessage(`{`) },
		"long params":   func(c *token.Claims) { c.Pinned[0].Params = json.RawMessage(strings.Repeat(" ", 16<<10) + "1") },
	} {
		c := claims()
		change(c)
		if _, err := token.Mint(c, key); err == nil {
			t.Errorf("%s: minted", name)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, algorithm := range []string{token.HS256, token.ES256, token.EdDSA} {
		signed, err := token.Mint(claims(), privateKey(f, algorithm))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(signed)
	}
	f.Add("e30.e30.e30")
	f.Add(encode([]byte(`{"alg":"HS256","kid":"k-hs"}`)) + "." + encode([]byte(`{"iss":"acme","exp":1e300}`)) + ".AA")
	find := finder(f)
	f.Fuzz(func(t *testing.T, signed string) {
		c, err := token.Verify(signed, find, now)
		if err == nil {
			if c.Tenant != "acme" || c.Subject != "ann" {
				t.Fatalf("forged: %+v", c)
			}
			return
		}
		if _, ok := err.(*fault.Fault); !ok {
			t.Fatalf("error of type %T", err)
		}
	})
}

// FuzzClaims reads whatever a tenant's own backend may have signed.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"acme","sub":"ann","exp":1e300,"nbf":-1e300,"weir":{"subscribe":["*"],"pin":[{}]}}`))
	f.Add([]byte(`{"iss":"acme","sub":"ann","exp":4102444800,"weir":{"pin":[{"channels":["*"],"filter":"f","params":null}]}}`))
	find := finder(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var values map[string]any
		if json.Unmarshal(body, &values) != nil {
			return
		}
		c, err := token.Verify(sign(t, token.HS256, map[string]any{"kid": "k-hs"}, values), find, now)
		if err != nil {
			if _, ok := err.(*fault.Fault); !ok {
				t.Fatalf("error of type %T", err)
			}
			return
		}
		c.CanSubscribe("chat:room-1")
		c.Pins("chat:room-1")
		if c.Expires.Before(now.Add(-time.Minute)) {
			t.Fatalf("accepted, though it expired at %s", c.Expires)
		}
	})
}
