import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.math.BigInteger;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Verifies Countersign's external identities. Java 17 or later, no dependencies.
 *
 * <pre>
 * Verifier verifier = new Verifier.KeySet("https://identity.acme.example", "https://loyalty.acme.example", null);
 * Map&lt;String, Object&gt; claims = verifier.claims(token);   // throws Refused (log in again) or Unreachable (try again)
 * </pre>
 */
public interface Verifier {
    Map<String, Object> claims(String token) throws Refused, Unreachable;

    /** The token is not good. Answer 401. */
    class Refused extends Exception {}

    /** Countersign could not be asked, which says nothing about the token. Answer 503, never 401. */
    class Unreachable extends Exception {}

    /** Checks the signature here, with Countersign's public keys: fast, but a session that was ended early is still good. */
    final class KeySet implements Verifier {
        /** The seconds between two fetches for unknown keys, and after a fetch that failed. */
        private static final int COOL_DOWN = 10, PAUSE = 1;
        private static final Pattern MAXIMUM_AGE = Pattern.compile("max-age=(\\d{1,8})");

        private final String url, audience, issuer;
        private Map<String, Key> keys = Map.of();
        private double freshUntil, retryAt;
        private boolean hasFailed;

        /** @param issuer Countersign's public_url, if you reach Countersign at another address; null if that is it. */
        public KeySet(String countersign, String audience, String issuer) {
            this.url = countersign + "/.well-known/jwks.json";
            this.audience = audience;
            this.issuer = issuer != null ? issuer : countersign;
        }

        @Override
        public Map<String, Object> claims(String token) throws Refused, Unreachable {
            String[] parts = token.split("\\.", -1);
            if (parts.length != 3) throw new Refused();
            Map<String, Object> header = object(parts[0]);
            Key key = key(Objects.toString(header.get("kid"), ""));
            // By the key's own algorithm: the token does not choose.
            boolean isGenuine = key.algorithm.equals(header.get("alg"))
                && key.signed((parts[0] + "." + parts[1]).getBytes(UTF_8), decoded(parts[2]));
            if (!isGenuine) throw new Refused();
            Map<String, Object> claims = object(parts[1]);
            boolean isAlive = claims.get("exp") instanceof Double expiry && expiry > System.currentTimeMillis() / 1000.0;
            if (!issuer.equals(claims.get("iss")) || !isFor(audience, claims) || !isAlive) throw new Refused();
            return claims;
        }

        /** Fetches the set again once it is as old as Countersign allows, or for an unknown key, but not endlessly. */
        private synchronized Key key(String kid) throws Refused, Unreachable {
            double now = seconds();
            boolean isStale = now >= freshUntil;
            if (isStale || !keys.containsKey(kid)) {
                if (now >= retryAt) fetch(isStale ? 0 : COOL_DOWN);
                else if (hasFailed) throw new Unreachable();
            }
            Key key = keys.get(kid);
            if (key == null) throw new Refused();
            return key;
        }

        private void fetch(int coolDown) throws Unreachable {
            hasFailed = true;
            retryAt = seconds() + PAUSE;
            HttpResponse<String> answer = ask(HttpRequest.newBuilder(URI.create(url)));
            Map<String, Key> found = new HashMap<>();
            if (json(answer).get("keys") instanceof List<?> list) {
                for (Object each : list) {
                    if (each instanceof Map<?, ?> jwk) Key.of(jwk).ifPresent(key -> found.put(key.id, key));
                }
            }
            if (found.isEmpty()) throw new Unreachable();
            var age = MAXIMUM_AGE.matcher(answer.headers().firstValue("Cache-Control").orElse(""));
            int lifetime = age.find() ? Integer.parseInt(age.group(1)) : 300;
            keys = found;
            freshUntil = seconds() + lifetime;
            retryAt = seconds() + Math.min(lifetime, coolDown);
            hasFailed = false;
        }

        private static double seconds() {
            return System.nanoTime() / 1e9 + 1e9; // The zero of nanoTime may be in the future.
        }
    }

    /** Verifies signatures of one algorithm. */
    record Key(String id, String algorithm, PublicKey key) {
        /** What comes before the bytes of a public key (RFC 5480, RFC 8410). */
        private static final Map<String, String> PREFIXES = Map.of(
            "EC ES256 P-256", "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
            "EC ES384 P-384", "3076301006072a8648ce3d020106052b8104002203620004",
            "OKP EdDSA Ed25519", "302a300506032b6570032100");

        /** Nothing if the key cannot have signed a token. Neither {@code none} nor HMAC exists here. */
        static Optional<Key> of(Map<?, ?> jwk) {
            String algorithm = Objects.toString(jwk.get("alg"), "");
            String kind = jwk.get("kty") + " " + algorithm + " " + Objects.toString(jwk.get("crv"), "");
            try {
                if (!"sig".equals(jwk.containsKey("use") ? jwk.get("use") : "sig")) return Optional.empty();
                PublicKey key;
                if (kind.equals("RSA RS256 ") || kind.equals("RSA PS256 ")) {
                    key = KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(
                        new BigInteger(1, decoded((String) jwk.get("n"))), new BigInteger(1, decoded((String) jwk.get("e")))));
                } else if (PREFIXES.containsKey(kind)) {
                    String y = algorithm.equals("EdDSA") ? "" : hex(jwk.get("y"));
                    byte[] encoded = HexFormat.of().parseHex(PREFIXES.get(kind) + hex(jwk.get("x")) + y);
                    key = KeyFactory.getInstance(algorithm.equals("EdDSA") ? "Ed25519" : "EC")
                        .generatePublic(new X509EncodedKeySpec(encoded));
                } else {
                    return Optional.empty();
                }
                return Optional.of(new Key((String) jwk.get("kid"), algorithm, key));
            } catch (GeneralSecurityException | RuntimeException | Refused unusable) {
                return Optional.empty();
            }
        }

        private static String hex(Object number) throws Refused {
            return HexFormat.of().formatHex(decoded((String) number));
        }

        boolean signed(byte[] bytes, byte[] signature) {
            try {
                Signature check = Signature.getInstance(switch (algorithm) {
                    case "ES256" -> "SHA256withECDSAinP1363Format";
                    case "ES384" -> "SHA384withECDSAinP1363Format";
                    case "RS256" -> "SHA256withRSA";
                    case "PS256" -> "RSASSA-PSS";
                    default -> "Ed25519";
                });
                if (algorithm.equals("PS256")) {
                    check.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
                }
                check.initVerify(key);
                check.update(bytes);
                return check.verify(signature);
            } catch (GeneralSecurityException malformed) {
                return false;
            }
        }
    }

    /** Asks Countersign: knows sessions that have ended, and is the only way for opaque tokens. */
    final class Introspection implements Verifier {
        private final String url, audience, authorization;

        /** @param audience for opaque tokens the identity provider's name. */
        public Introspection(String countersign, String audience, String verifier, String secret) {
            String pair = URLEncoder.encode(verifier, UTF_8) + ":" + URLEncoder.encode(secret, UTF_8);
            this.url = countersign + "/introspect";
            this.audience = audience;
            this.authorization = "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(UTF_8));
        }

        @Override
        public Map<String, Object> claims(String token) throws Refused, Unreachable {
            Map<String, Object> answer = json(ask(HttpRequest.newBuilder(URI.create(url))
                .header("Authorization", authorization).header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString("token=" + URLEncoder.encode(token, UTF_8)))));
            if (!(answer.get("active") instanceof Boolean isActive)) throw new Unreachable();
            if (!isActive || !isFor(audience, answer)) throw new Refused();
            return answer;
        }
    }

    HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private static HttpResponse<String> ask(HttpRequest.Builder question) throws Unreachable {
        try {
            var answer = CLIENT.sendAsync(question.build(), HttpResponse.BodyHandlers.ofString()).get(3, TimeUnit.SECONDS);
            if (answer.statusCode() == 200) return answer;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } catch (Exception outage) {
            // As an answer that is not Countersign's.
        }
        throw new Unreachable();
    }

    private static Map<String, Object> json(HttpResponse<String> answer) throws Unreachable {
        try {
            return Json.object(answer.body());
        } catch (IllegalArgumentException nonsense) {
            throw new Unreachable();
        }
    }

    private static boolean isFor(String audience, Map<String, Object> claims) {
        return claims.get("aud") instanceof List<?> several
            ? several.contains(audience) : audience.equals(claims.get("aud"));
    }

    private static Map<String, Object> object(String segment) throws Refused {
        try {
            return Json.object(new String(decoded(segment), UTF_8));
        } catch (IllegalArgumentException nonsense) {
            throw new Refused();
        }
    }

    private static byte[] decoded(String segment) throws Refused {
        try {
            return Base64.getUrlDecoder().decode(segment);
        } catch (IllegalArgumentException nonsense) {
            throw new Refused();
        }
    }

    /** JSON, which Java lacks: maps, lists, strings, doubles, booleans, null. If you have a library for it, use that. */
    final class Json {
        private static final int DEPTH = 16;
        private static final String ESCAPES = "\"\\/bfnrt", ESCAPED = "\"\\/\b\f\n\r\t";
        private final String text;
        private int at = 0;

        private Json(String text) {
            this.text = text;
        }

        /** @throws IllegalArgumentException if the text is not one JSON object. */
        @SuppressWarnings("unchecked")
        static Map<String, Object> object(String text) {
            Json json = new Json(text);
            Object value = json.value(0);
            json.skipBlanks();
            check(json.at == text.length() && value instanceof Map);
            return (Map<String, Object>) value;
        }

        private Object value(int depth) {
            check(depth <= DEPTH);
            skipBlanks();
            switch (next()) {
                case '{':
                    Map<String, Object> object = new HashMap<>();
                    members('}', () -> {
                        skipBlanks();
                        check(next() == '"');
                        String name = string();
                        skipBlanks();
                        check(next() == ':');
                        object.put(name, value(depth + 1));
                    });
                    return object;
                case '[':
                    List<Object> list = new ArrayList<>();
                    members(']', () -> list.add(value(depth + 1)));
                    return list;
                case '"':
                    return string();
                default:
                    at--;
                    return word();
            }
        }

        private void members(char end, Runnable member) {
            skipBlanks();
            if (at < text.length() && text.charAt(at) == end) {
                at++;
                return;
            }
            char separator;
            do {
                member.run();
                skipBlanks();
                separator = next();
            } while (separator == ',');
            check(separator == end);
        }

        private String string() {
            StringBuilder string = new StringBuilder();
            for (char c = next(); c != '"'; c = next()) {
                check(c >= ' ');
                string.append(c == '\\' ? escaped() : c);
            }
            return string.toString();
        }

        private char escaped() {
            char c = next();
            if (c == 'u') {
                check(at + 4 <= text.length());
                return (char) Integer.parseInt(text.substring(at, at += 4), 16);
            }
            check(ESCAPES.indexOf(c) >= 0);
            return ESCAPED.charAt(ESCAPES.indexOf(c));
        }

        private Object word() {
            int start = at;
            while (at < text.length() && " \t\r\n,]}".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(start, at);
            if (word.equals("null")) return null;
            if (word.equals("true") || word.equals("false")) return word.equals("true");
            check(word.matches("-?\\d+(\\.\\d+)?([eE][+-]?\\d+)?"));
            return Double.valueOf(word);
        }

        private char next() {
            check(at < text.length());
            return text.charAt(at++);
        }

        private void skipBlanks() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        }

        private static void check(boolean isRight) {
            if (!isRight) throw new IllegalArgumentException("not JSON");
        }
    }

    /** Verifier TOKEN AUDIENCE: prints good, refused or unreachable, and exits with 0, 1 or 2. See README.md. */
    static void main(String[] arguments) throws Exception {
        String token = arguments[0], audience = arguments[1], url = System.getenv("COUNTERSIGN_URL");
        String id = System.getenv("COUNTERSIGN_VERIFIER"), secret = System.getenv("COUNTERSIGN_VERIFIER_SECRET");
        Verifier verifier = id != null ? new Introspection(url, audience, id, secret)
            : new KeySet(url, audience, System.getenv("COUNTERSIGN_ISSUER"));
        int status = 2;
        var lines = new BufferedReader(token.equals("-") ? new InputStreamReader(System.in) : new StringReader(token));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            try {
                verifier.claims(line);
                status = 0;
            } catch (Refused refused) {
                status = 1;
            } catch (Unreachable unreachable) {
                status = 2;
            }
            System.out.println(new String[] {"good", "refused", "unreachable"}[status]);
        }
        System.exit(status);
    }
}
