package import TokenExchange

/// A store under test, and the two things that a store cannot do about itself.
package struct SessionStoreHarness: Sendable {
    /// A record that has expired.
    package enum Ending: Sendable {
        case session(RecordKey)
        case answer(RecordKey)
    }

    package let store: any SessionStore
    /// The clock that the store goes by.
    package let now: @Sendable () -> UnixTime
    /// Brings a record to its end. Only asked for records of ``SessionStoreConformance/shortLife`` while all others have
    /// ``SessionStoreConformance/longLife``, so that a clock moved in between will do; otherwise delete it behind the
    /// store's back.
    package let end: @Sendable (Ending) async throws -> Void

    package init(
        store: any SessionStore, now: @escaping @Sendable () -> UnixTime,
        end: @escaping @Sendable (Ending) async throws -> Void
    ) {
        self.store = store
        self.now = now
        self.end = end
    }
}

/// What every adapter of ``SessionStore`` must do, one check per promise.
///
/// A test target runs `checks` as the arguments of one test, each with a harness of its own:
/// ```
/// @Test(arguments: SessionStoreConformance.checks)
/// func keepsThePromisesOfTheStore(check: SessionStoreConformance.Check) async throws {
///     try await check.run(harness())
/// }
/// ```
/// Keys are random, so a store may be shared; a clock that moves may not.
package enum SessionStoreConformance {
    package struct Check: Sendable, CustomStringConvertible {
        package let description: String
        package let run: @Sendable (SessionStoreHarness) async throws -> Void
    }

    package static let shortLife = Duration.seconds(60)
    package static let longLife = Duration.seconds(600)

    package static let checks: [Check] = [
        Check(description: "first writer wins", run: firstWriterWins),
        Check(description: "one of fifty concurrent writers wins", run: oneOfFiftyConcurrentWritersWins),
        Check(description: "answers are independent", run: answersAreIndependent),
        Check(description: "the session of a losing writer is not stored", run: losingSessionIsNotStored),
        Check(description: "a session shared by two answers survives a replay", run: sharedSessionSurvivesReplay),
        Check(description: "an unknown session is nil", run: unknownSessionIsNil),
        Check(description: "an answer without its session is overwritten", run: answerWithoutSessionIsOverwritten),
        Check(description: "an answer at its end is overwritten", run: endedAnswerIsOverwritten),
        Check(description: "an unreadable answer is replaced", run: unreadableAnswerIsReplaced),
        Check(description: "another than the unreadable answer is not replaced", run: otherAnswerIsNotReplaced),
        Check(description: "insert keeps what is there", run: insertKeepsWhatIsThere),
        Check(description: "insert does not touch answers", run: insertDoesNotTouchAnswers),
        Check(description: "a session is replaced by who knows it", run: knownSessionIsReplaced),
        Check(description: "a revoked session is not replaced", run: revokedSessionIsNotReplaced),
        Check(description: "an ended session is absent", run: endedSessionIsAbsent),
        Check(description: "a revoked session is absent", run: revokedSessionIsAbsent),
        Check(description: "a revocation ends the answer too", run: revocationEndsTheAnswerToo),
        Check(
            description: "a session revoked before it is written stays absent",
            run: sessionRevokedBeforeItIsWrittenStaysAbsent),
        Check(description: "a session that has expired already is not stored", run: pastSessionIsNotStored),
        Check(description: "an answer without life is not replayed", run: answerWithoutLifeIsNotReplayed),
        Check(description: "an answer without life replays an earlier one", run: answerWithoutLifeReplaysEarlierOne),
        Check(description: "every byte value survives", run: everyByteValueSurvives),
        Check(description: "a store at work passes its check", run: checkPasses),
    ]
}

/// A promise that the store under test did not keep.
package struct ConformanceFailure: Error, CustomStringConvertible {
    package let description: String
}
