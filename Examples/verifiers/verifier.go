// Verifies Countersign's external identities. Go 1.19 or later, no dependencies.
//
//	verifier := &KeySet{Countersign: "https://identity.acme.example", Audience: "https://loyalty.acme.example"}
//	claims, err := verifier.Claims(token) // ErrRefused (log in again) or ErrUnreachable (try again)
package main

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	// ErrRefused: the token is not good. Answer 401.
	ErrRefused = errors.New("the token is not good")
	// ErrUnreachable: Countersign could not be asked, which says nothing about the token. Answer 503, never 401.
	ErrUnreachable = errors.New("Countersign could not be asked")
)

const (
	// Between two fetches for unknown keys.
	coolDown = 10 * time.Second
	// After a fetch that failed.
	pause = time.Second
)

// Claims are those of a good token.
type Claims map[string]any

// KeySet checks the signature here, with Countersign's public keys: fast, but a session that was ended early is still good.
type KeySet struct {
	Countersign string
	Audience    string
	// Issuer is Countersign's public_url; set it if you reach Countersign at another address.
	Issuer string

	lock       sync.Mutex
	keys       map[string]key
	freshUntil time.Time
	retryAt    time.Time
	hasFailed  bool
}

// key verifies signatures of one algorithm.
type key struct {
	algorithm string
	verify    func(signed, signature []byte) bool
}

func (set *KeySet) Claims(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, ErrRefused
	}
	header, err := object(parts[0])
	if err != nil {
		return nil, err
	}
	kid, _ := header["kid"].(string)
	key, err := set.key(kid)
	if err != nil {
		return nil, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	// By the key's own algorithm: the token does not choose.
	if err != nil || header["alg"] != key.algorithm || !key.verify([]byte(parts[0]+"."+parts[1]), signature) {
		return nil, ErrRefused
	}
	claims, err := object(parts[1])
	if err != nil {
		return nil, err
	}
	issuer := set.Issuer
	if issuer == "" {
		issuer = set.Countersign
	}
	expiry, _ := claims["exp"].(float64)
	if claims["iss"] != issuer || !isFor(set.Audience, claims) || expiry <= float64(time.Now().Unix()) {
		return nil, ErrRefused
	}
	return claims, nil
}

// key fetches the set again once it is as old as Countersign allows, or for an unknown key, but not endlessly.
func (set *KeySet) key(kid string) (key, error) {
	set.lock.Lock()
	defer set.lock.Unlock()
	now := time.Now()
	isStale := !now.Before(set.freshUntil)
	if _, known := set.keys[kid]; !known || isStale {
		if !now.Before(set.retryAt) {
			if err := set.fetch(isStale); err != nil {
				return key{}, err
			}
		} else if set.hasFailed {
			return key{}, ErrUnreachable
		}
	}
	found, known := set.keys[kid]
	if !known {
		return key{}, ErrRefused
	}
	return found, nil
}

var maximumAge = regexp.MustCompile(`max-age=(\d+)`)

func (set *KeySet) fetch(isStale bool) error {
	set.hasFailed, set.retryAt = true, time.Now().Add(pause)
	request, err := http.NewRequest("GET", set.Countersign+"/.well-known/jwks.json", nil)
	if err != nil {
		return ErrUnreachable
	}
	document, headers, err := ask(request)
	if err != nil {
		return err
	}
	keys := map[string]key{}
	listed, _ := document["keys"].([]any)
	for _, each := range listed {
		jwk, _ := each.(map[string]any)
		if kid, found := usable(jwk); found.verify != nil {
			keys[kid] = found
		}
	}
	if len(keys) == 0 {
		return ErrUnreachable
	}
	lifetime := 5 * time.Minute
	if age := maximumAge.FindStringSubmatch(headers.Get("Cache-Control")); age != nil {
		seconds, _ := strconv.ParseInt(age[1], 10, 32)
		lifetime = time.Duration(seconds) * time.Second
	}
	now := time.Now()
	set.keys, set.hasFailed, set.freshUntil, set.retryAt = keys, false, now.Add(lifetime), now
	if !isStale && lifetime > coolDown {
		set.retryAt = now.Add(coolDown)
	}
	return nil
}

// usable is without verify if the key cannot have signed a token. Neither `none` nor HMAC exists here.
func usable(jwk map[string]any) (string, key) {
	text := func(name string) string { value, _ := jwk[name].(string); return value }
	number := func(name string) []byte { bytes, _ := base64.RawURLEncoding.DecodeString(text(name)); return bytes }
	if use, given := jwk["use"]; given && use != "sig" {
		return "", key{}
	}
	found := key{algorithm: text("alg")}
	switch kind := text("kty") + " " + found.algorithm + " " + text("crv"); kind {
	case "EC ES256 P-256":
		found.verify = ecdsaVerifier(elliptic.P256(), crypto.SHA256, number("x"), number("y"))
	case "EC ES384 P-384":
		found.verify = ecdsaVerifier(elliptic.P384(), crypto.SHA384, number("x"), number("y"))
	case "RSA RS256 ", "RSA PS256 ":
		found.verify = rsaVerifier(found.algorithm, number("n"), number("e"))
	case "OKP EdDSA Ed25519":
		if public := number("x"); len(public) == ed25519.PublicKeySize {
			found.verify = func(signed, signature []byte) bool { return ed25519.Verify(public, signed, signature) }
		}
	}
	return text("kid"), found
}

func ecdsaVerifier(curve elliptic.Curve, hash crypto.Hash, x, y []byte) func(signed, signature []byte) bool {
	public := &ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
	size := (curve.Params().BitSize + 7) / 8
	if !curve.IsOnCurve(public.X, public.Y) {
		return nil
	}
	return func(signed, signature []byte) bool {
		if len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(public, digest(hash, signed), r, s)
	}
}

func rsaVerifier(algorithm string, n, e []byte) func(signed, signature []byte) bool {
	if len(n) < 256 || len(e) > 4 {
		return nil
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	return func(signed, signature []byte) bool {
		hashed := digest(crypto.SHA256, signed)
		if algorithm == "PS256" {
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(public, crypto.SHA256, hashed, signature, options) == nil
		}
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, hashed, signature) == nil
	}
}

func digest(hash crypto.Hash, bytes []byte) []byte {
	state := hash.New()
	state.Write(bytes)
	return state.Sum(nil)
}

// Introspection asks Countersign: knows sessions that have ended, and is the only way for opaque tokens.
type Introspection struct {
	Countersign string
	// Audience of opaque tokens is the identity provider's name.
	Audience         string
	Verifier, Secret string
}

func (way *Introspection) Claims(token string) (Claims, error) {
	form := url.Values{"token": {token}}.Encode()
	request, err := http.NewRequest("POST", way.Countersign+"/introspect", strings.NewReader(form))
	if err != nil {
		return nil, ErrUnreachable
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(way.Verifier), url.QueryEscape(way.Secret))
	answer, _, err := ask(request)
	if err != nil {
		return nil, err
	}
	active, isKnown := answer["active"].(bool)
	if !isKnown {
		return nil, ErrUnreachable
	}
	if !active || !isFor(way.Audience, answer) {
		return nil, ErrRefused
	}
	return answer, nil
}

var client = &http.Client{
	Timeout:       3 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ask brings the JSON object of an answer, and its headers.
func ask(request *http.Request) (Claims, http.Header, error) {
	answer, err := client.Do(request)
	if err != nil {
		return nil, nil, ErrUnreachable
	}
	defer answer.Body.Close()
	var document Claims
	err = json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&document)
	if err != nil || document == nil || answer.StatusCode != http.StatusOK {
		return nil, nil, ErrUnreachable
	}
	return document, answer.Header, nil
}

func isFor(audience string, claims Claims) bool {
	several, _ := claims["aud"].([]any)
	for _, each := range several {
		if each == audience {
			return true
		}
	}
	return claims["aud"] == audience
}

func object(segment string) (Claims, error) {
	var claims Claims
	bytes, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil || json.Unmarshal(bytes, &claims) != nil || claims == nil {
		return nil, ErrRefused
	}
	return claims, nil
}

// verifier TOKEN AUDIENCE: prints good, refused or unreachable, and exits with 0, 1 or 2. See README.md.
func main() {
	token, audience, address := os.Args[1], os.Args[2], os.Getenv("COUNTERSIGN_URL")
	verify := (&KeySet{Countersign: address, Audience: audience, Issuer: os.Getenv("COUNTERSIGN_ISSUER")}).Claims
	if id := os.Getenv("COUNTERSIGN_VERIFIER"); id != "" {
		verify = (&Introspection{address, audience, id, os.Getenv("COUNTERSIGN_VERIFIER_SECRET")}).Claims
	}
	input := io.Reader(strings.NewReader(token))
	if token == "-" {
		input = os.Stdin
	}
	status := 2
	for lines := bufio.NewScanner(input); lines.Scan(); {
		switch _, err := verify(lines.Text()); {
		case err == nil:
			status = 0
		case errors.Is(err, ErrRefused):
			status = 1
		default:
			status = 2
		}
		fmt.Println([]string{"good", "refused", "unreachable"}[status])
	}
	os.Exit(status)
}
