import FoundationEssentials
import Glibc
import JOSE
package import ServiceConfiguration
package import TokenExchange

/// Good and bad external identities with the verdict for each, so that a back end can test its own verifier.
///
/// They are signed with keys that are made for the kit and then forgotten, so no production verifier ever accepts them.
/// If an operator asks for it, they are signed with the service's own keys instead, for a verifier that can only fetch
/// the real key set; these live five minutes at most. Their subject does not exist, and none of them has a session.
package struct VerifierKit {
    /// The `sub` of every token of a kit.
    package static let subject = "countersign-verifier-kit"
    /// For tokens that a production verifier would accept.
    package static let longestLifetimeWithServiceKeys: Duration = .seconds(300)

    let issuer: String
    private let providers: [KitProvider]
    private let lifetime: Duration
    private let signsWithServiceKeys: Bool
    let keySet: [UInt8]

    /// - Parameters:
    ///   - serviceKeys: nil for new keys that are forgotten.
    ///   - lifetime: of the good tokens.
    /// - Throws: ``StartUpError`` if no provider mints JWTs, a key is missing, or tokens signed with the service's keys
    ///   would live too long.
    package init(
        _ configuration: Configuration, serviceKeys: SigningKeyRing?, lifetime: Duration
    ) throws {
        guard serviceKeys == nil || lifetime <= Self.longestLifetimeWithServiceKeys else {
            throw StartUpError([
                "tokens that are signed with the service's own keys live 5 minutes at most; shorten --lifetime"
            ])
        }
        let jwtProviders = configuration.identityProviders.filter { $0.jwtShape != nil }
        guard !jwtProviders.isEmpty else {
            throw StartUpError(["no identity provider mints JWTs, and opaque tokens can only be introspected"])
        }
        let keys = if let serviceKeys { serviceKeys } else { try SigningKeyRing.throwaway(for: jwtProviders) }
        issuer = configuration.publicURL
        providers = try jwtProviders.map { provider in
            let other = jwtProviders.first { $0.name != provider.name }
            return try KitProvider(provider, other: other, keys: keys)
        }
        self.lifetime = lifetime
        signsWithServiceKeys = serviceKeys != nil
        keySet = keys.publishedKeySet
    }

    /// Writes `jwks.json`, `verdicts.json` and a file for each token.
    ///
    /// - Parameter directory: is created; must be empty if it exists.
    /// - Returns: what was written, in one line.
    package func write(to directory: String, now: UnixTime) throws -> String {
        do {
            let files = FileManager.default
            guard (try? files.contentsOfDirectory(atPath: directory))?.isEmpty != false else {
                throw StartUpError(["\(directory): expected an empty folder, or none; the kit overwrites nothing"])
            }
            let folder = URL(filePath: directory)
            var count = 0
            var descriptions: [JSONValue] = []
            for sheet in try sheets(now: now) {
                let provider = sheet.provider
                try files.createDirectory(
                    at: folder.appending(path: String(provider.name)), withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700])
                for item in sheet.cases {
                    try Data(item.token).write(to: folder.appending(path: item.file(of: provider.name)))
                }
                count += sheet.cases.count
                descriptions.append(provider.description(of: sheet.cases))
            }
            try Data(keySet).write(to: folder.appending(path: "jwks.json"))
            try Data(verdicts(descriptions, now: now)).write(to: folder.appending(path: "verdicts.json"))
            return "\(directory): \(count) tokens, good until \((now + lifetime).text)"
        } catch let error as CocoaError {
            let code = (error.underlying as? POSIXError)?.code.rawValue
            let cause = code.map { String(cString: strerror($0)) } ?? "it cannot be written"
            throw StartUpError([
                "\(directory): expected a folder that the kit can be written to, found another: \(cause)"
            ])
        }
    }

    /// The tokens of each provider.
    func sheets(now: UnixTime) throws -> [KitSheet] {
        do {
            return try providers.map { provider in
                let cases = try provider.cases(issuer: issuer, lifetime: lifetime, now: now)
                return KitSheet(provider: provider, cases: cases)
            }
        } catch let error as SigningFailure {
            throw StartUpError(["no token for the kit: \(error.cause)"])
        }
    }

    private func verdicts(_ providers: [JSONValue], now: UnixTime) -> [UInt8] {
        JSONValue.object([
            .init("issuer", .string(issuer)),
            .init("jwks", .string("jwks.json")),
            .init("signed_with", .string(signsWithServiceKeys ? "service" : "throwaway")),
            .init("good_until", .number(literal: String((now + lifetime).wholeSeconds))),
            .init("identity_providers", .array(providers)),
        ]).text
    }
}

/// One provider's part of a kit.
struct KitSheet: Sendable {
    let provider: KitProvider
    let cases: [KitCase]
}

extension IdentityProvider {
    /// What its JWTs look like; nil if it mints none.
    var jwtShape: TokenRecipe.JWTShape? {
        if case .minted(.jwt(let shape)) = token.kind { shape } else { nil }
    }
}
