<?php
/**
 * Verifies Countersign's external identities. PHP 8.1 or later with its extensions openssl and, for EdDSA, sodium.
 *
 *     $verifier = new KeySet('https://identity.acme.example', 'https://loyalty.acme.example');
 *     $claims = $verifier->claims($token);   // throws Refused (log in again) or Unreachable (try again)
 *
 * Keys are kept in APCu where it is there, so that requests share them; else as long as the object.
 * PS256 is not supported, as PHP's openssl has no PSS.
 */
declare(strict_types=1);

namespace Countersign;

/** The token is not good. Answer 401. */
final class Refused extends \Exception {}

/** Countersign could not be asked, which says nothing about the token. Answer 503, never 401. */
final class Unreachable extends \Exception {}

interface Verifier
{
    /** @return array<string, mixed> */
    public function claims(string $token): array;
}

/** Checks the signature here, with Countersign's public keys: fast, but a session that was ended early is still good. */
final class KeySet implements Verifier
{
    /** The seconds between two fetches for unknown keys, and after a fetch that failed. */
    private const COOL_DOWN = 10;
    private const PAUSE = 1;

    private array $cache = ['keys' => [], 'fresh_until' => 0, 'retry_at' => 0, 'has_failed' => false];
    private string $url;
    private string $issuer;
    private bool $isShared;

    /** @param ?string $issuer Countersign's public_url, if you reach Countersign at another address. */
    public function __construct(string $countersign, private string $audience, ?string $issuer = null)
    {
        $this->url = "$countersign/.well-known/jwks.json";
        $this->issuer = $issuer ?? $countersign;
        $this->isShared = \function_exists('apcu_enabled') && \apcu_enabled();
    }

    public function claims(string $token): array
    {
        if (!\preg_match('/^([\w-]+)\.([\w-]+)\.([\w-]+)$/D', $token, $parts)) throw new Refused();
        $header = json($parts[1]);
        $key = $this->key(\is_string($header['kid'] ?? null) ? $header['kid'] : '');
        // By the key's own algorithm: the token does not choose.
        if (($header['alg'] ?? null) !== $key['alg']) throw new Refused();
        if (!isSigned("$parts[1].$parts[2]", decoded($parts[3]), $key)) throw new Refused();
        $claims = json($parts[2]);
        $isAlive = \is_numeric($claims['exp'] ?? null) && $claims['exp'] > \time();
        if (($claims['iss'] ?? null) !== $this->issuer || !isFor($this->audience, $claims) || !$isAlive) throw new Refused();
        return $claims;
    }

    /** Fetches the set again once it is as old as Countersign allows, or for an unknown key, but not endlessly. */
    private function key(string $kid): array
    {
        if ($this->isShared) $this->cache = \apcu_fetch($this->url) ?: $this->cache;
        $now = \hrtime(true) / 1e9;
        $isStale = $now >= $this->cache['fresh_until'];
        if ($isStale || !isset($this->cache['keys'][$kid])) {
            if ($now >= $this->cache['retry_at']) $this->fetch($isStale ? 0 : self::COOL_DOWN);
            elseif ($this->cache['has_failed']) throw new Unreachable();
        }
        return $this->cache['keys'][$kid] ?? throw new Refused();
    }

    private function fetch(int $coolDown): void
    {
        try {
            [$document, $headers] = ask($this->url);
            $keys = [];
            foreach (\is_array($document['keys'] ?? null) ? $document['keys'] : [] as $jwk) {
                if (\is_array($jwk) && ($key = usable($jwk))) $keys[$jwk['kid']] = $key;
            }
            if (!$keys) throw new Unreachable();
        } catch (Unreachable $outage) {
            $this->keep(['has_failed' => true, 'retry_at' => \hrtime(true) / 1e9 + self::PAUSE]);
            throw $outage;
        }
        $lifetime = \preg_match('/^cache-control:.*max-age=(\d+)/im', \implode("\n", $headers), $age) ? (int) $age[1] : 300;
        $now = \hrtime(true) / 1e9;
        $this->keep(['keys' => $keys, 'fresh_until' => $now + $lifetime, 'has_failed' => false,
            'retry_at' => $now + \min($lifetime, $coolDown)]);
    }

    private function keep(array $changes): void
    {
        $this->cache = $changes + $this->cache;
        if ($this->isShared) \apcu_store($this->url, $this->cache);
    }
}

/** Asks Countersign: knows sessions that have ended, and is the only way for opaque tokens. */
final class Introspection implements Verifier
{
    /** @param string $audience for opaque tokens the identity provider's name. */
    public function __construct(
        private string $countersign, private string $audience, private string $verifier, private string $secret,
    ) {}

    public function claims(string $token): array
    {
        $pair = \rawurlencode($this->verifier) . ':' . \rawurlencode($this->secret);
        [$answer] = ask("$this->countersign/introspect", [
            'method' => 'POST',
            'header' => ['Authorization: Basic ' . \base64_encode($pair), 'Content-Type: application/x-www-form-urlencoded'],
            'content' => \http_build_query(['token' => $token]),
        ]);
        if (!\is_bool($answer['active'] ?? null)) throw new Unreachable();
        if (!$answer['active'] || !isFor($this->audience, $answer)) throw new Refused();
        return $answer;
    }
}

/** The JSON object of an answer, and its headers. */
function ask(string $url, array $options = []): array
{
    $options += ['timeout' => 3, 'follow_location' => 0, 'protocol_version' => 1.1, 'header' => []];
    $options['header'][] = 'Connection: close';
    $body = @\file_get_contents($url, false, \stream_context_create(['http' => $options]), 0, 1 << 20);
    $document = $body === false ? null : \json_decode($body, true, 16);
    $isFine = \preg_match('/^HTTP\/\S+ 200 /', ($http_response_header ?? [''])[0] . ' ') && \is_array($document);
    return $isFine ? [$document, $http_response_header] : throw new Unreachable();
}

/** What came before the bytes of a public key (RFC 5480), and how long each half of a signature is. */
const CURVES = [
    'ES256 P-256' => ['3059301306072a8648ce3d020106082a8648ce3d03010703420004', 32, \OPENSSL_ALGO_SHA256],
    'ES384 P-384' => ['3076301006072a8648ce3d020106052b8104002203620004', 48, \OPENSSL_ALGO_SHA384],
];

/** What is needed to verify; null if the key cannot have signed a token. Neither `none` nor HMAC exists here. */
function usable(array $jwk): ?array
{
    foreach (['kid', 'kty', 'alg'] as $name) {
        if (!\is_string($jwk[$name] ?? null)) return null;
    }
    $number = fn (string $name): string =>
        \base64_decode(\strtr(\is_string($jwk[$name] ?? null) ? $jwk[$name] : '', '-_', '+/'));
    $curve = \is_string($jwk['crv'] ?? null) ? $jwk['crv'] : '';
    $alg = $jwk['alg'];
    if (($jwk['use'] ?? 'sig') !== 'sig') return null;
    if ($jwk['kty'] === 'OKP' && "$alg $curve" === 'EdDSA Ed25519') {
        $x = $number('x');
        return \strlen($x) === 32 && \function_exists('sodium_crypto_sign_verify_detached') ? ['alg' => $alg, 'key' => $x] : null;
    }
    if ($jwk['kty'] === 'EC' && isset(CURVES["$alg $curve"])) {
        [$prefix, $size, $hash] = CURVES["$alg $curve"];
        $der = \hex2bin($prefix) . $number('x') . $number('y');
    } elseif ($jwk['kty'] === 'RSA' && $alg === 'RS256') {
        [$size, $hash] = [0, \OPENSSL_ALGO_SHA256];
        $key = der(0x30, integer($number('n')) . integer($number('e')));
        $der = der(0x30, \hex2bin('300d06092a864886f70d0101010500') . der(0x03, "\0" . $key));
    } else {
        return null;
    }
    $pem = "-----BEGIN PUBLIC KEY-----\n" . \chunk_split(\base64_encode($der), 64, "\n") . "-----END PUBLIC KEY-----\n";
    return @\openssl_pkey_get_public($pem) ? ['alg' => $alg, 'key' => $pem, 'size' => $size, 'hash' => $hash] : null;
}

function isSigned(string $bytes, string $signature, array $key): bool
{
    if ($key['alg'] === 'EdDSA') {
        return \strlen($signature) === 64 && \sodium_crypto_sign_verify_detached($signature, $bytes, $key['key']);
    }
    if ($key['size'] > 0) {
        // JOSE writes r and s one after the other, OpenSSL wants them as DER integers.
        if (\strlen($signature) !== 2 * $key['size']) return false;
        $signature = der(0x30, \implode(\array_map(integer(...), \str_split($signature, $key['size']))));
    }
    return \openssl_verify($bytes, $signature, $key['key'], $key['hash']) === 1;
}

function der(int $tag, string $content): string
{
    $length = \strlen($content);
    return \chr($tag) . match (true) {
        $length < 0x80 => \chr($length),
        $length < 0x100 => "\x81" . \chr($length),
        default => "\x82" . \pack('n', $length),
    } . $content;
}

/** A positive one, in as few bytes as DER demands. */
function integer(string $bytes): string
{
    $bytes = \ltrim($bytes, "\0");
    return der(0x02, $bytes === '' || \ord($bytes[0]) > 0x7f ? "\0$bytes" : $bytes);
}

function isFor(string $audience, array $claims): bool
{
    return \in_array($audience, (array) ($claims['aud'] ?? []), true);
}

function decoded(string $segment): string
{
    $bytes = \base64_decode(\strtr($segment, '-_', '+/'), true);
    return $bytes === false ? throw new Refused() : $bytes;
}

function json(string $segment): array
{
    $object = \json_decode(decoded($segment), true, 16);
    return \is_array($object) ? $object : throw new Refused();
}

/** php verifier.php TOKEN AUDIENCE: prints good, refused or unreachable, and exits with 0, 1 or 2. See README.md. */
if (\PHP_SAPI === 'cli' && \realpath($_SERVER['argv'][0]) === __FILE__) {
    [, $token, $audience] = $_SERVER['argv'];
    [$url, $issuer, $id] = [\getenv('COUNTERSIGN_URL'), \getenv('COUNTERSIGN_ISSUER'), \getenv('COUNTERSIGN_VERIFIER')];
    $verifier = $id ? new Introspection($url, $audience, $id, \getenv('COUNTERSIGN_VERIFIER_SECRET'))
        : new KeySet($url, $audience, $issuer ?: null);
    $status = 2;
    $line = $token === '-' ? \fgets(\STDIN) : $token;
    while ($line !== false) {
        try {
            $verifier->claims(\trim($line));
            $status = 0;
        } catch (Refused) {
            $status = 1;
        } catch (Unreachable) {
            $status = 2;
        }
        echo ['good', 'refused', 'unreachable'][$status], "\n";
        $line = $token === '-' ? \fgets(\STDIN) : false;
    }
    exit($status);
}
