import Foundation
import Synchronization
import TestSupport
import TokenExchange

/// Associates who log in without pause, each with a token of their own, at providers of both modes and kinds; and what
/// they were answered.
final class ChaosLoad: Sendable {
    struct Answer: Sendable {
        let externalIdentity: ExternalIdentity
        let subject: String
        let isStrict: Bool
    }

    private struct State {
        var answers: [Answer] = []
        var attempts = 0
        var failures = 0
        var degradations = 0
        /// Identity tokens that were answered twice, with tokens of their own.
        var mintedTwice = 0
        var slowest = Duration.zero
        var problems: [String] = []
    }

    static let deadline = Duration.seconds(2)
    private static let associates = 8

    private let bench: ExchangeBench
    private let state = Mutex(State())
    private let clock = ContinuousClock()

    init(_ bench: ExchangeBench) {
        self.bench = bench
    }

    /// Strict and optional, with tokens of both kinds.
    static var providers: [IdentityProvider] {
        [FailureMode.strict, .optional].flatMap { mode in
            [
                IdentityProvider.vipLoyalty(name: ExactText("jwt-\(mode)"), mode: mode, deadline: deadline),
                IdentityProvider.vipLoyalty(
                    name: ExactText("opaque-\(mode)"), mode: mode, kind: .opaque, deadline: deadline),
            ]
        }
    }

    var answers: [Answer] { state.withLock(\.answers) }
    var problems: [String] { state.withLock(\.problems) }
    var mintedTwice: Int { state.withLock(\.mintedTwice) }
    /// Logins that noticed.
    var hurt: Int { state.withLock { $0.failures + $0.degradations } }
    var failures: Int { state.withLock(\.failures) }
    /// Answered as if nothing were wrong, by a provider that would have failed else.
    var strictAnswers: Int { state.withLock { $0.answers.count(where: \.isStrict) } }

    var summary: String {
        state.withLock {
            "\($0.attempts) logins, \($0.answers.count) tokens, \($0.failures) failed (strict), "
                + "\($0.degradations) degraded (optional), slowest \(($0.slowest / .milliseconds(1)).rounded()) ms"
        }
    }

    /// Logs in while `body` runs.
    func run(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for associate in 0..<Self.associates {
                group.addTask {
                    var round = 0
                    while !Task.isCancelled {
                        try await self.logIn(
                            "associate-\(associate)-\(round)", provider: round % self.bench.providers.count)
                        round += 1
                    }
                }
            }
            let result: Result<Void, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            group.cancelAll()
            try await group.waitForAll()
            try result.get()
        }
    }

    /// Returns when so many more logins have been tried.
    func attempts(_ count: Int) async throws {
        let end = state.withLock(\.attempts) + count
        try await eventually("\(count) logins were tried", within: .seconds(60)) { state.withLock(\.attempts) >= end }
    }

    private func logIn(_ associate: String, provider index: Int) async throws {
        let subject = "\(associate)-\(UUID().uuidString)"
        let token = try bench.token.claim("sub", .string(subject)).signed(by: TestKeys.rs256)
        // Every third comes back: a double tap.
        var issued: [ExternalIdentity] = []
        for _ in 0..<(subject.utf8.last! % 3 == 0 ? 2 : 1) {
            let start = clock.now
            let outcome = await bench.exchange(token, device: ExactText(associate), provider: index)
            note(outcome, of: subject, at: bench.providers[index], after: clock.now - start)
            if case .issued(let identity, _) = outcome { issued.append(identity.externalIdentity) }
        }
        if let first = issued.first, issued.contains(where: { $0.bytes != first.bytes }) {
            state.withLock { $0.mintedTwice += 1 }
        }
    }

    private func note(
        _ outcome: ExchangeOutcome, of subject: String, at provider: IdentityProvider, after time: Duration
    ) {
        state.withLock { state in
            state.attempts += 1
            state.slowest = max(state.slowest, time)
            if time > Self.deadline { state.problems.append("\(provider.name): answered after \(time)") }
            switch (outcome, provider.mode) {
            case (.issued(let identity, _), let mode):
                state.answers.append(
                    Answer(externalIdentity: identity.externalIdentity, subject: subject, isStrict: mode == .strict))
            case (.failed(let failure), .strict):
                state.failures += 1
                if failure.kind != .sessionStoreUnavailable { state.problems.append("\(provider.name): \(failure)") }
            case (.degraded(let identity, let failure), .optional):
                state.degradations += 1
                if failure.kind != .sessionStoreUnavailable { state.problems.append("\(provider.name): \(failure)") }
                if let identity {
                    state.answers.append(
                        Answer(externalIdentity: identity.externalIdentity, subject: subject, isStrict: false))
                } else if provider.name.hasPrefix("jwt") {
                    state.problems.append("\(provider.name): no token, though it needs no store")
                }
            case (.failed, .optional), (.degraded, .strict), (.refused, _):
                state.problems.append("\(provider.name): \(outcome)")
            }
        }
    }
}

// MARK: - Afterwards

extension ChaosLoad {
    /// Each token by what introspection says of it; every session must be its owner's.
    func inactive(_ isOfInterest: (Answer) -> Bool) async throws -> Int {
        var inactive = 0
        for answer in answers where isOfInterest(answer) {
            switch try await bench.introspect(answer.externalIdentity) {
            case .active(let session) where session.record.subject == ExactText(answer.subject): break
            case .active, .unconfirmed: throw ChaosFailure(description: "a token led to another's session")
            case .inactive: inactive += 1
            }
        }
        return inactive
    }

    /// Whether the store has taken up every session that waited for it.
    var isDrained: Bool { bench.deferredSessions.count == 0 }
}

struct ChaosFailure: Error, CustomStringConvertible {
    let description: String
}
