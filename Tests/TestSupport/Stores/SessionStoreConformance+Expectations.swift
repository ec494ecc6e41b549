import TokenExchange

extension SessionStoreConformance {
    static let budget = Duration.seconds(5)

    static func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw ConformanceFailure(description: message()) }
    }

    /// The records of one exchange, of random bytes.
    struct Exchange: Sendable {
        var session: RecordKey
        var record = SealedRecord(bytes: randomBytes(300))
        let answerKey: RecordKey
        var answer = SealedRecord(bytes: randomBytes(600))
        private let start: UnixTime
        private let sessionLife: Duration
        private let answerLife: Duration

        init(
            _ harness: SessionStoreHarness, answerKey: RecordKey? = nil, sessionLife: Duration = longLife,
            answerLife: Duration = longLife
        ) {
            self.init(
                answerKey: answerKey ?? RecordKey(digest: randomBytes(32), in: Partition(digest: randomBytes(3))),
                start: harness.now(),
                sessionLife: sessionLife, answerLife: answerLife)
        }

        private init(answerKey: RecordKey, start: UnixTime, sessionLife: Duration, answerLife: Duration) {
            self.answerKey = answerKey
            session = RecordKey(digest: randomBytes(32), in: answerKey.partition)
            self.start = start
            self.sessionLife = sessionLife
            self.answerLife = answerLife
        }

        var records: ExchangeRecords {
            ExchangeRecords(
                session: StoredSession(key: session, record: record, expiresAt: start + sessionLife),
                answerKey: answerKey, answer: answer, answerExpiresAt: start + answerLife)
        }

        /// The same identity token, device and provider once more: another session and answer under the same key.
        func again(answerLife: Duration = longLife) -> Exchange {
            Exchange(answerKey: answerKey, start: start, sessionLife: longLife, answerLife: answerLife)
        }
    }

    static func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max) }
    }
}

extension SessionStoreHarness {
    func insertIfAbsent(_ records: ExchangeRecords, replacing unreadable: SealedRecord? = nil) async throws
        -> ExchangeInsertion
    {
        try await store.insertIfAbsent(records, replacing: unreadable, within: SessionStoreConformance.budget)
    }

    func expect(
        _ isReplaced: Bool, replacing old: SessionStoreConformance.Exchange,
        with new: SessionStoreConformance.Exchange
    ) async throws {
        let replaced = try await store.replace(
            old.record, with: new.records.session, within: SessionStoreConformance.budget)
        try SessionStoreConformance.expect(replaced == isReplaced, "expected \(isReplaced), found \(replaced)")
    }

    func revoke(_ exchange: SessionStoreConformance.Exchange) async throws {
        let session = exchange.records.session
        try await store.revoke(session.key, until: session.expiresAt, within: SessionStoreConformance.budget)
    }

    func expect(
        _ expected: ExchangeInsertion, from records: ExchangeRecords, replacing unreadable: SealedRecord? = nil
    ) async throws {
        let insertion = try await insertIfAbsent(records, replacing: unreadable)
        try SessionStoreConformance.expect(insertion == expected, "\(insertion) instead of \(expected)")
    }

    func expect(_ expected: SealedRecord?, under key: RecordKey) async throws {
        let record = try await store.session(key, within: SessionStoreConformance.budget)
        try SessionStoreConformance.expect(record == expected, "session \(record as Any), not \(expected as Any)")
    }

    /// The next writer of `first`'s answer wins, and from then on it is that writer's answer.
    func expectOverwritten(
        _ first: SessionStoreConformance.Exchange, replacing unreadable: SealedRecord? = nil
    ) async throws {
        let second = SessionStoreConformance.Exchange(self, answerKey: first.answerKey)
        try await expect(.inserted, from: second.records, replacing: unreadable)
        try await expect(second.record, under: second.session)
        let third = SessionStoreConformance.Exchange(self, answerKey: first.answerKey)
        try await expect(.answered(second.answer, session: second.record), from: third.records, replacing: unreadable)
    }
}
