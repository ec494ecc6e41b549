import Attacks
package import ServiceConfiguration
package import TokenExchange

/// `countersign attack`: the corpus of spoiled tokens against a service that runs, and a verdict for each.
package struct AttackRun {
    /// What the command line says.
    package struct Options {
        package var url: String
        package var isOwn = false
        package var rate = 20
        package var provider: ExactText?
        package var tenant: ExactText?
        package var claims: [JSONValue.Member] = []

        package init(url: String) {
            self.url = url
        }
    }

    private let target: AttackTarget
    private let issuer: AttackIssuer
    private let sender: AttackSender
    private let judge: TokenExplainer?
    private let time: TimeSource

    /// - Parameter configuration: of the service; nil if it is another one, or is not at hand.
    /// - Throws: ``StartUpError``.
    package init(
        _ options: Options, _ configuration: Configuration?, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) throws {
        let provider = try configuration.map { try $0.attackedProvider(options) }
        target = try AttackTarget(options.url, isOwn: options.isOwn, provider: provider?.name ?? options.provider)
        issuer = try AttackIssuer(configuration, provider, options)
        judge =
            if let configuration, let provider, issuer.isTrusted {
                try TokenExplainer(configuration, providerName: provider.name)
            } else { nil }
        sender = try AttackSender(target, configuration?.outbound, rate: options.rate, time: time, sleep: sleep)
        self.time = time
    }

    /// - Parameter print: takes a line of the table; none holds a token.
    /// - Returns: whether the service has refused all tokens, and takes a good one if there is one.
    package func callAsFunction(print: (String) -> Void) async throws -> Bool {
        defer { sender.shutDown() }
        let externalIdentity = try await begin()
        var tally = AttackTally()
        for attack in try AttackCorpus.published.get().attacks {
            let token = { try issuer.scene(of: attack, now: time.now(), externalIdentity).token(of: attack) }
            if attack.dependsOnConfiguration, let judge, await judge.allows(try token(), now: time.now()) {
                tally.skippedCount += 1
                continue
            }
            let verdict = try await sender.verdict(on: token)
            print("\(verdict.words)  \(attack.name)")
            tally.add(attack, verdict)
            if tally.isSilent {
                throw StartUpError(["\(target.url): it no longer answers; the attack before was \(attack.name)"])
            }
        }
        if issuer.isTrusted { tally.add(good: try await sender.verdict(on: goodToken)) }
        print("")
        for line in tally.lines(issuer) { print(line) }
        return tally.isWell
    }

    private func goodToken() throws -> [UInt8] { try issuer.goodToken(now: time.now()) }

    /// Sends a token without a fault: what refuses it too proves nothing by refusing others.
    /// - Returns: the answer, or something like it.
    private func begin() async throws -> [UInt8] {
        let verdict = try await sender.verdict(on: goodToken)
        switch verdict {
        case .accepted(_, let externalIdentity): return externalIdentity
        case .refused where !issuer.isTrusted: return Array(("csx_" + String(repeating: "A", count: 43)).utf8)
        case .refused(let status):
            throw StartUpError([
                "\(target.url): expected the good token of tenant \(issuer.tenant) to be taken, found it refused with \(status). "
                    + "Without that, refusals show nothing. Give the service's own configuration; add what its conditions "
                    + "demand by --claim; `countersign token explain` says what is wrong with a token"
            ])
        case .limited: throw StartUpError(["\(target.url): it bars this machine (429); wait, or lower --rate"])
        case .failed(let what):
            throw StartUpError(["\(target.url): expected a callback, found one that \(what)"])
        }
    }
}

extension Configuration {
    /// The one of the option, of the URL's last segment, the default one, or the only one.
    fileprivate func attackedProvider(_ options: AttackRun.Options) throws -> IdentityProvider {
        let segment = options.url.split(separator: "/").last.map { ExactText($0) }
        let named = identityProviders.first { $0.name == segment }?.name
        let only = identityProviders.count == 1 ? identityProviders.first?.name : nil
        guard let name = options.provider ?? named ?? defaultIdentityProvider ?? only else {
            throw StartUpError(["there are several identity providers; name one by --identity-provider"])
        }
        return try identityProvider(name)
    }
}
