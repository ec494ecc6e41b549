// Verifies Countersign's external identities. .NET 8 or later, no dependencies.
//
//     var verifier = new KeySet("https://identity.acme.example", "https://loyalty.acme.example");
//     JsonElement claims = await verifier.Claims(token);   // throws Refused (log in again) or Unreachable (try again)
//
// EdDSA is not supported, as .NET has none.
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

/// <summary>The token is not good. Answer 401.</summary>
public sealed class Refused : Exception;

/// <summary>Countersign could not be asked, which says nothing about the token. Answer 503, never 401.</summary>
public sealed class Unreachable : Exception;

public interface IVerifier
{
    Task<JsonElement> Claims(string token);
}

/// <summary>
/// Checks the signature here, with Countersign's public keys: fast, but a session that was ended early is still good.
/// </summary>
/// <param name="issuer">Countersign's public_url, if you reach Countersign at another address.</param>
public sealed class KeySet(string countersign, string audience, string? issuer = null) : IVerifier
{
    /// <summary>Between two fetches for unknown keys.</summary>
    private static readonly TimeSpan CoolDown = TimeSpan.FromSeconds(10);
    /// <summary>After a fetch that failed.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim turn = new(1);
    private Dictionary<string, Key> keys = [];
    private TimeSpan freshUntil, retryAt;
    private bool hasFailed;

    private static TimeSpan Now => TimeSpan.FromMilliseconds(Environment.TickCount64);

    public async Task<JsonElement> Claims(string token)
    {
        var parts = token.Split('.');
        if (parts.Length != 3) throw new Refused();
        var header = Tokens.Object(parts[0]);
        var key = await Find(Tokens.Text(header, "kid"));
        // By the key's own algorithm: the token does not choose.
        if (Tokens.Text(header, "alg") != key.Algorithm) throw new Refused();
        if (!key.Verify(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Tokens.Decoded(parts[2]))) throw new Refused();
        var claims = Tokens.Object(parts[1]);
        var isAlive = claims.TryGetProperty("exp", out var expiry) && expiry.ValueKind == JsonValueKind.Number
            && expiry.GetDouble() > DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
        if (Tokens.Text(claims, "iss") != (issuer ?? countersign) || !Tokens.IsFor(audience, claims) || !isAlive)
        {
            throw new Refused();
        }
        return claims;
    }

    /// <summary>Fetches the set again once it is as old as Countersign allows, or for an unknown key, but not endlessly.</summary>
    private async Task<Key> Find(string id)
    {
        await turn.WaitAsync();
        try
        {
            var isStale = Now >= freshUntil;
            if (isStale || !keys.ContainsKey(id))
            {
                if (Now >= retryAt) await Fetch(isStale ? TimeSpan.Zero : CoolDown);
                else if (hasFailed) throw new Unreachable();
            }
            return keys.TryGetValue(id, out var key) ? key : throw new Refused();
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task Fetch(TimeSpan coolDown)
    {
        (hasFailed, retryAt) = (true, Now + Pause);
        var (document, cache) = await Countersign.Ask(
            new HttpRequestMessage(HttpMethod.Get, $"{countersign}/.well-known/jwks.json"));
        var found = new Dictionary<string, Key>();
        if (document.TryGetProperty("keys", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var jwk in list.EnumerateArray())
            {
                if (Key.From(jwk) is { } key) found[key.Id] = key;
            }
        }
        if (found.Count == 0) throw new Unreachable();
        var lifetime = cache?.MaxAge ?? TimeSpan.FromMinutes(5);
        (keys, hasFailed, freshUntil) = (found, false, Now + lifetime);
        retryAt = Now + (lifetime < coolDown ? lifetime : coolDown);
    }
}

/// <summary>Verifies signatures of one algorithm.</summary>
internal sealed record Key(string Id, string Algorithm, Func<byte[], byte[], bool> Verify)
{
    /// <summary>Null if the key cannot have signed a token. Neither `none` nor HMAC exists here.</summary>
    public static Key? From(JsonElement jwk)
    {
        if (jwk.ValueKind != JsonValueKind.Object) return null;
        if (jwk.TryGetProperty("use", out _) && Tokens.Text(jwk, "use") != "sig") return null;
        var (id, algorithm) = (Tokens.Text(jwk, "kid"), Tokens.Text(jwk, "alg"));
        try
        {
            Func<byte[], byte[], bool>? verify = $"{Tokens.Text(jwk, "kty")} {algorithm} {Tokens.Text(jwk, "crv")}" switch
            {
                "EC ES256 P-256" => Curve(jwk, ECCurve.NamedCurves.nistP256, HashAlgorithmName.SHA256),
                "EC ES384 P-384" => Curve(jwk, ECCurve.NamedCurves.nistP384, HashAlgorithmName.SHA384),
                "RSA RS256 " => Rsa(jwk, RSASignaturePadding.Pkcs1),
                "RSA PS256 " => Rsa(jwk, RSASignaturePadding.Pss),
                _ => null,
            };
            return verify is null ? null : new Key(id, algorithm, verify);
        }
        catch (Exception unusable) when (unusable is CryptographicException or Refused)
        {
            return null;
        }
    }

    private static Func<byte[], byte[], bool> Curve(JsonElement jwk, ECCurve curve, HashAlgorithmName hash)
    {
        var point = new ECPoint { X = Number(jwk, "x"), Y = Number(jwk, "y") };
        var key = ECDsa.Create(new ECParameters { Curve = curve, Q = point });
        // The format of .NET's own, r and s one after the other, is that of JOSE.
        return (signed, signature) => key.VerifyData(signed, signature, hash);
    }

    private static Func<byte[], byte[], bool> Rsa(JsonElement jwk, RSASignaturePadding padding)
    {
        var key = RSA.Create(new RSAParameters { Modulus = Number(jwk, "n"), Exponent = Number(jwk, "e") });
        return (signed, signature) => key.VerifyData(signed, signature, HashAlgorithmName.SHA256, padding);
    }

    private static byte[] Number(JsonElement jwk, string name) => Tokens.Decoded(Tokens.Text(jwk, name));
}

/// <summary>Asks Countersign: knows sessions that have ended, and is the only way for opaque tokens.</summary>
/// <param name="audience">For opaque tokens the identity provider's name.</param>
public sealed class Introspection(string countersign, string audience, string verifier, string secret) : IVerifier
{
    public async Task<JsonElement> Claims(string token)
    {
        var pair = $"{Uri.EscapeDataString(verifier)}:{Uri.EscapeDataString(secret)}";
        var question = new HttpRequestMessage(HttpMethod.Post, $"{countersign}/introspect")
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = token }),
        };
        question.Headers.Authorization =
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
        var (answer, _) = await Countersign.Ask(question);
        if (!answer.TryGetProperty("active", out var active)) throw new Unreachable();
        return active.ValueKind switch
        {
            JsonValueKind.True when Tokens.IsFor(audience, answer) => answer,
            JsonValueKind.True or JsonValueKind.False => throw new Refused(),
            _ => throw new Unreachable(),
        };
    }
}

internal static class Countersign
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        Timeout = TimeSpan.FromSeconds(3), MaxResponseContentBufferSize = 1 << 20,
    };

    /// <summary>The JSON object of an answer, and how long it may be kept.</summary>
    public static async Task<(JsonElement Document, CacheControlHeaderValue? Cache)> Ask(HttpRequestMessage question)
    {
        try
        {
            using var answer = await Client.SendAsync(question);
            var document = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsByteArrayAsync());
            if (answer.StatusCode == HttpStatusCode.OK && document.ValueKind == JsonValueKind.Object)
            {
                return (document, answer.Headers.CacheControl);
            }
        }
        catch (Exception outage) when (outage is HttpRequestException or TaskCanceledException or JsonException)
        {
            // As an answer that is not Countersign's.
        }
        throw new Unreachable();
    }
}

internal static class Tokens
{
    public static JsonElement Object(string segment)
    {
        try
        {
            var json = JsonSerializer.Deserialize<JsonElement>(Decoded(segment));
            return json.ValueKind == JsonValueKind.Object ? json : throw new Refused();
        }
        catch (JsonException)
        {
            throw new Refused();
        }
    }

    /// <summary>Empty if it is not a text.</summary>
    public static string Text(JsonElement json, string name)
    {
        try
        {
            var isText = json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String;
            return isText ? value.GetString()! : "";
        }
        catch (InvalidOperationException)
        {
            return ""; // Half a surrogate pair.
        }
    }

    public static bool IsFor(string audience, JsonElement claims)
    {
        if (!claims.TryGetProperty("aud", out var value)) return false;
        return value.ValueKind == JsonValueKind.Array
            ? value.EnumerateArray().Any(each => each.ValueKind == JsonValueKind.String && each.GetString() == audience)
            : Text(claims, "aud") == audience;
    }

    public static byte[] Decoded(string segment)
    {
        try
        {
            var padding = new string('=', (4 - segment.Length % 4) % 4);
            return Convert.FromBase64String(segment.Replace('-', '+').Replace('_', '/') + padding);
        }
        catch (FormatException)
        {
            throw new Refused();
        }
    }
}

/// <summary>
/// Verifier TOKEN AUDIENCE: prints good, refused or unreachable, and exits with 0, 1 or 2. See README.md.
/// </summary>
public static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        static string? Setting(string name) =>
            Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
        var (token, audience, url) = (arguments[0], arguments[1], Setting("COUNTERSIGN_URL")!);
        IVerifier verifier = Setting("COUNTERSIGN_VERIFIER") is { } id
            ? new Introspection(url, audience, id, Setting("COUNTERSIGN_VERIFIER_SECRET")!)
            : new KeySet(url, audience, Setting("COUNTERSIGN_ISSUER"));
        var status = 2;
        using TextReader lines = token == "-" ? Console.In : new StringReader(token);
        while (await lines.ReadLineAsync() is { } line)
        {
            try
            {
                await verifier.Claims(line);
                status = 0;
            }
            catch (Refused)
            {
                status = 1;
            }
            catch (Unreachable)
            {
                status = 2;
            }
            Console.WriteLine(new[] { "good", "refused", "unreachable" }[status]);
        }
        return status;
    }
}
