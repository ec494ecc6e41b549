import IssuerKeys
import JOSE
import Logging
import NIOSSL
import Outbound
import TestSupport
import TokenExchange

/// One tenant's keys, fetched over a real connection, on a clock that the test moves.
struct RunningKeys: Sendable {
    let issuer: FakeHTTPServer
    let keys: RemoteIssuerKeys
    let time = ManualClock()
    let log = RecordedLog()

    init(_ issuer: FakeHTTPServer, maximumAge: Duration = .seconds(86_400)) {
        self.issuer = issuer
        let fetcher = KeySetFetcher(issuer, timeout: .seconds(2), sleep: time.sleep)
        keys = RemoteIssuerKeys(
            times: RemoteKeyTimes(refresh: .seconds(300), maximumAge: maximumAge, cooldown: .seconds(10)),
            fetch: fetcher.callAsFunction, read: KeySetReading.reader(allowing: [.es256, .rs256]), time: time.time,
            sleep: time.sleep, jitter: { 0.5 }, logger: log.logger)
    }

    /// Runs the service while `body` does, and stops the issuer afterwards.
    func whileRunning(_ body: () async throws -> Void) async throws {
        let task = Task { await keys.run() }
        do { try await body() } catch {
            task.cancel()
            try? await issuer.stop()
            throw error
        }
        task.cancel()
        await task.value
        issuer.release()
        try? await issuer.stop()
    }

    func verifiers(
        _ signer: OpenSSLTokenSigner, from source: UInt64 = 1, budget: Duration = .seconds(3)
    ) async throws -> [any TokenVerifier] {
        try await verifiers(signer.keyID, from: source, budget: budget)
    }

    func verifiers(
        _ keyID: ExactText, from source: UInt64 = 1, budget: Duration = .seconds(3)
    ) async throws -> [any TokenVerifier] {
        try await keys.verifiers(
            for: IssuerKeyQuery(
                keyID: keyID, algorithm: .es256, source: RequestSource(network: source), budget: budget))
    }

    /// Whether the issuer's keys find a signature of `signer` good.
    func trusts(_ signer: OpenSSLTokenSigner, from source: UInt64 = 1) async throws -> Bool {
        let message = Array("header.claims".utf8)
        let signature = try signer.signature(over: message)
        return try await verifiers(signer, from: source).contains {
            $0.isValid(signature: signature, over: message, count: message.count)
        }
    }

    func eventuallyFails(with cause: String) async throws {
        try await eventually("fails with \(cause), not \(keys.status.lastError ?? "none")") {
            keys.status.lastError == cause
        }
    }
}

extension KeySetFetcher {
    /// - Parameter trustRoots: nil for the system's.
    init(
        _ issuer: FakeHTTPServer, timeout: Duration = .seconds(5), trustRoots: [NIOSSLCertificate]? = nil,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let trustRoots { tls.trustRoots = .certificates(trustRoots) }
        let context = try! OutboundClient.context(tls)
        self.init(
            client: OutboundClient(OutboundTransport(), tls: context, bodyBytes: Self.byteLimit, sleep: sleep),
            url: issuer.url, timeout: timeout)
    }
}

extension KeySetReading {
    static func reader(allowing algorithms: Set<TokenExchange.SignatureAlgorithm>)
        -> @Sendable ([UInt8]) throws -> KeySetReading
    {
        { document in
            let set = try JWKSetReader().read(document, allowing: algorithms)
            return KeySetReading(
                verifiers: set.verifiers,
                keys: Set(set.verifiers.map { Key(keyID: $0.keyID, thumbprint: $0.thumbprint) }),
                skipped: set.skipped.map(\.description))
        }
    }
}

extension FakeHTTPServer.Answer {
    static func keys(_ signers: OpenSSLTokenSigner...) -> Self { .document(PublicJWK.set(signers.map(\.publicKey))) }
}
