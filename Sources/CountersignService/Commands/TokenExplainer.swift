import JOSE
import Logging
package import ServiceConfiguration
package import TokenExchange

/// What `countersign token explain` prints: every rule, the verdict, and libjwt's second opinion.
package struct TokenExplainer {
    private let tenants: [Tenant]
    private let provider: IdentityProvider
    private let explain: ExplainToken
    private let limits: TokenLimits
    private let ownIssuer: ExactText

    /// How long keys may take to arrive: long enough for a slow issuer, short enough for somebody who waits.
    private static let budget: Duration = .seconds(10)

    /// Does not read our own keys: whether a token fits does not depend on which key signs it.
    ///
    /// - Throws: ``StartUpError`` if there is no such provider, or if an issuer's key files cannot be read.
    package init(_ configuration: Configuration, providerName: ExactText) throws {
        let provider = try configuration.identityProvider(providerName)
        let configured = try ConfiguredTenants(configuration)
        let remoteKeys = RemoteTenantKeys(time: .system, logger: .silent)
        tenants = configured.local + remoteKeys.replace(with: configured.remote)
        self.provider = provider
        limits = TokenLimits(configuration.limits)
        ownIssuer = ExactText(configuration.publicURL)
        let keys = try SigningKeyRing.throwaway(for: [provider])
        explain = ExplainToken(
            verify: VerifyIdentityToken(configuration, tenants: tenants),
            mint: MintExternalIdentity(configuration, keys: keys), tenants: tenants, limits: limits)
    }

    /// All rules for one token.
    package struct Report {
        fileprivate let explanation: TokenExplanation
        /// What was recognised besides a plain token.
        fileprivate let remarks: [String]
        /// Nil for algorithms that libjwt does not know, and if no key was found.
        fileprivate let secondOpinion: LibJWTSecondOpinion.Opinion?
        /// Whether the exchange would be allowed.
        package var isAllowed: Bool { explanation.isAllowed }
    }

    /// Checks a token, or the one in what was pasted, as a login does. Stores nothing.
    package func report(on text: [UInt8], now: UnixTime) async -> Report {
        let pasted = PastedText(text, ownIssuer: ownIssuer)
        let token = pasted.token
        let explanation = await explain(IdentityToken(bytes: token), for: provider, at: now, within: Self.budget)
        return Report(
            explanation: explanation, remarks: pasted.remarks, secondOpinion: await secondOpinion(on: token))
    }

    /// Whether the exchange would be allowed for exactly this token.
    func allows(_ token: [UInt8], now: UnixTime) async -> Bool {
        await explain(IdentityToken(bytes: token), for: provider, at: now, within: Self.budget).isAllowed
    }

    private func secondOpinion(on token: [UInt8]) async -> LibJWTSecondOpinion.Opinion? {
        guard let unverified = try? UnverifiedToken(token, limits: limits),
            let tenant = tenants.first(where: { $0.issuer == unverified.claimedIssuer }),
            let verifiers = try? await tenant.keys.verifiers(
                for: IssuerKeyQuery(
                    keyID: unverified.jws.keyID, algorithm: unverified.jws.algorithm, budget: Self.budget))
        else { return nil }
        let opinions = verifiers.compactMap { ($0 as? OpenSSLTokenVerifier)?.publicKeyPEM }.map {
            LibJWTSecondOpinion().opinion(on: token, publicKeyPEM: $0, algorithm: unverified.jws.algorithm)
        }
        return opinions.contains(.accepted) ? .accepted : opinions.first
    }
}

extension Configuration {
    /// - Throws: ``StartUpError`` with the known names if there is none of this name.
    func identityProvider(_ name: ExactText) throws -> IdentityProvider {
        guard let provider = identityProviders.first(where: { $0.name == name }) else {
            let known = identityProviders.map(\.name.description).joined(separator: ", ")
            throw StartUpError(["there is no identity provider \(name); known are \(known)"])
        }
        return provider
    }
}

// MARK: - Printing

extension TokenExplainer.Report {
    /// What was pasted, a line for each rule, and the verdict.
    /// - Parameter showingValues: whether to show claim values.
    package func text(showingValues: Bool) -> String {
        let lines = explanation.lines.map { line in
            var parts = [
                "\(line.outcome.rawValue.padded(to: 11))  \(line.rule.padded(to: 17))  expected \(line.expected)"
            ]
            if !line.found.isEmpty { parts.append("found \(line.found)") }
            if showingValues, let value = line.value { parts.append("value \(value.escapedForPrinting)") }
            if let remedy = line.remedy { parts.append(remedy) }
            return parts.joined(separator: "; ")
        }
        let head = remarks.isEmpty ? [] : remarks + [""]
        return (head + lines + ["", verdict]).joined(separator: "\n")
    }

    private var verdict: String {
        let own = explanation.reason.map { "The exchange is refused: \($0)." } ?? "The exchange is allowed."
        let other =
            switch secondOpinion {
            case .accepted: " libjwt, asked independently, finds the signature good."
            case .refused: " libjwt, asked independently, refuses the signature."
            case .abstained, nil: " libjwt has no opinion on this token."
            }
        return own + other
    }

    /// The same as a JSON object.
    package func json(showingValues: Bool) -> String {
        let rules = explanation.lines.map { line -> JSONValue in
            var members: [JSONValue.Member] = [
                .init("rule", .string(line.rule)), .init("outcome", .string(line.outcome.rawValue)),
                .init("expected", .string(line.expected)), .init("found", .string(line.found)),
            ]
            if showingValues, let value = line.value { members.append(.init("value", .string(value))) }
            if let remedy = line.remedy { members.append(.init("remedy", .string(remedy))) }
            return .object(members)
        }
        let document = JSONValue.object([
            .init("allowed", .bool(isAllowed)),
            .init("reason", explanation.reason.map(JSONValue.string) ?? .null),
            .init("libjwt", secondOpinion.map { .string("\($0)") } ?? .null),
            .init("remarks", .array(remarks.map(JSONValue.string))),
            .init("rules", .array(rules)),
        ])
        return String(decoding: document.text, as: UTF8.self)
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// Control and bidirectional characters as `\u{…}`, so that a token cannot control the terminal.
    fileprivate var escapedForPrinting: String {
        unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "\\u{\(String(scalar.value, radix: 16))}"
            default: String(scalar)
            }
        }.joined()
    }
}
