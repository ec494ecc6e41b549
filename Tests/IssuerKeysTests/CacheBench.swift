import IssuerKeys
import TestSupport
import TokenExchange

/// A cache, its clock, and an issuer whose keys are names.
struct CacheBench {
    static let times = RemoteKeyTimes(refresh: .seconds(300), maximumAge: .seconds(86_400), cooldown: .seconds(10))
    static let down = KeySetFetchFailure("connection refused")

    var cache = IssuerKeyCache(times: Self.times)
    /// Does not begin at zero, as no monotonic clock does.
    var now = Duration.seconds(1_000)

    init() {}

    /// Fetched once, with these keys.
    init(keys: [String]) {
        _ = cache.nextStep(at: now)
        succeed(keys)
    }

    @discardableResult
    mutating func succeed(_ keys: [String], jitter: Double = 0.5) -> [IssuerKeyEvent] {
        cache.fetchEnded(.success(.named(keys)), at: now, jitter: jitter)
    }

    @discardableResult
    mutating func fail(_ failure: KeySetFetchFailure = Self.down, jitter: Double = 0.5) -> [IssuerKeyEvent] {
        cache.fetchEnded(.failure(failure), at: now, jitter: jitter)
    }

    /// - Parameter rejected: materials under which a signature was bad.
    func question(
        _ keyID: ExactText?, rejecting rejected: Set<ExactText> = [], from source: UInt64 = 1
    ) -> IssuerKeyQuestion {
        IssuerKeyQuestion(
            query: IssuerKeyQuery(
                keyID: keyID, algorithm: .rs256, rejected: rejected, source: RequestSource(network: source)),
            fetchesBegun: cache.fetchesBegun)
    }

    mutating func ask(_ question: IssuerKeyQuestion) -> Outcome {
        switch cache.answer(to: question, at: now) {
        case .verifiers(let verifiers): .keys(verifiers.count)
        case .unavailable(let cause): .unavailable(cause)
        case .wait(let number): .wait(number)
        }
    }

    mutating func ask(_ keyID: ExactText?, from source: UInt64 = 1) -> Outcome {
        ask(question(keyID, from: source))
    }

    enum Outcome: Equatable {
        case keys(Int)
        case unavailable(String)
        case wait(Int)
    }
}

extension KeySetReading {
    /// RS256 keys; `old:new` is a key named `old` with material `new`.
    static func named(_ names: [String], skipped: [String] = []) -> KeySetReading {
        let keys = names.map { name in
            let parts = name.split(separator: ":").map { ExactText($0) }
            return Key(keyID: parts[0], thumbprint: parts.last ?? ExactText(name))
        }
        return KeySetReading(
            verifiers: keys.map { NamedKey(keyID: $0.keyID, algorithm: .rs256, thumbprint: $0.thumbprint) },
            keys: Set(keys), skipped: skipped)
    }
}

/// Finds no signature good.
struct NamedKey: TokenVerifier {
    let keyID: ExactText?
    let algorithm: SignatureAlgorithm
    let thumbprint: ExactText

    func isValid(signature: [UInt8], over token: [UInt8], count: Int) -> Bool { false }
}
