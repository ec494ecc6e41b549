import TokenExchange

// MARK: - The first writer wins

extension SessionStoreConformance {
    static func firstWriterWins(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        try await harness.expect(.inserted, from: first.records)
        try await harness.expect(.answered(first.answer, session: first.record), from: first.again().records)
        try await harness.expect(first.record, under: first.session)
    }

    static func oneOfFiftyConcurrentWritersWins(_ harness: SessionStoreHarness) async throws {
        let exchanges = [Exchange](repeating: Exchange(harness), count: 50).map { $0.again() }
        let outcomes = try await withThrowingTaskGroup(of: (Exchange, ExchangeInsertion).self) { group in
            for exchange in exchanges {
                group.addTask { (exchange, try await harness.insertIfAbsent(exchange.records)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let winners = outcomes.filter { $0.1 == .inserted }.map(\.0)
        try expect(winners.count == 1, "\(winners.count) writers of 50 won")
        let losers = outcomes.filter { $0.1 == .answered(winners[0].answer, session: winners[0].record) }
        try expect(losers.count == 49, "\(losers.count) writers of 49 were told the winner's answer")
    }

    static func answersAreIndependent(_ harness: SessionStoreHarness) async throws {
        let one = Exchange(harness)
        let other = Exchange(harness)
        try await harness.expect(.inserted, from: one.records)
        try await harness.expect(.inserted, from: other.records)
        try await harness.expect(.answered(one.answer, session: one.record), from: one.again().records)
        try await harness.expect(.answered(other.answer, session: other.record), from: other.again().records)
    }

    static func losingSessionIsNotStored(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        let second = first.again()
        try await harness.expect(.inserted, from: first.records)
        try await harness.expect(.answered(first.answer, session: first.record), from: second.records)
        try await harness.expect(nil, under: second.session)
    }

    static func sharedSessionSurvivesReplay(_ harness: SessionStoreHarness) async throws {
        let one = Exchange(harness)
        var other = Exchange(harness, answerKey: RecordKey(digest: randomBytes(32), in: one.session.partition))
        try await harness.expect(.inserted, from: one.records)
        other.session = one.session
        try await harness.expect(.inserted, from: other.records)
        var repeated = one.again()
        repeated.session = one.session
        try await harness.expect(.answered(one.answer, session: other.record), from: repeated.records)
        try await harness.expect(other.record, under: one.session)
    }
}

// MARK: - When an answer gives way

extension SessionStoreConformance {
    static func answerWithoutSessionIsOverwritten(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness, sessionLife: shortLife)
        try await harness.expect(.inserted, from: first.records)
        try await harness.end(.session(first.session))
        try await harness.expectOverwritten(first)
    }

    static func endedAnswerIsOverwritten(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness, answerLife: shortLife)
        try await harness.expect(.inserted, from: first.records)
        try await harness.end(.answer(first.answerKey))
        try await harness.expectOverwritten(first)
        try await harness.expect(first.record, under: first.session)
    }

    static func unreadableAnswerIsReplaced(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        try await harness.expect(.inserted, from: first.records)
        try await harness.expectOverwritten(first, replacing: first.answer)
    }

    static func otherAnswerIsNotReplaced(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        try await harness.expect(.inserted, from: first.records)
        let others = [first.record, SealedRecord(bytes: []), SealedRecord(bytes: first.answer.bytes + [0])]
        for other in others {
            try await harness.expect(
                .answered(first.answer, session: first.record), from: first.again().records, replacing: other)
        }
    }

    static func answerWithoutLifeIsNotReplayed(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness, answerLife: .zero)
        let second = first.again()
        try await harness.expect(.inserted, from: first.records)
        try await harness.expect(.inserted, from: second.records)
        try await harness.expect(first.record, under: first.session)
        try await harness.expect(second.record, under: second.session)
    }

    static func answerWithoutLifeReplaysEarlierOne(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        try await harness.expect(.inserted, from: first.records)
        let second = first.again(answerLife: .zero)
        try await harness.expect(.answered(first.answer, session: first.record), from: second.records)
        try await harness.expect(.inserted, from: second.records, replacing: first.answer)
        try await harness.expect(.inserted, from: first.again().records)
    }
}

// MARK: - Sessions

extension SessionStoreConformance {
    static func unknownSessionIsNil(_ harness: SessionStoreHarness) async throws {
        try await harness.expect(nil, under: Exchange(harness).session)
    }

    static func insertKeepsWhatIsThere(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        var second = first.again()
        second.session = first.session
        try await harness.store.insertIfAbsent(first.records.session, within: Self.budget)
        try await harness.expect(first.record, under: first.session)
        try await harness.store.insertIfAbsent(second.records.session, within: Self.budget)
        try await harness.expect(first.record, under: first.session)
    }

    static func insertDoesNotTouchAnswers(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        try await harness.expect(.inserted, from: first.records)
        try await harness.store.insertIfAbsent(first.records.session, within: Self.budget)
        try await harness.store.insertIfAbsent(first.again().records.session, within: Self.budget)
        try await harness.expect(.answered(first.answer, session: first.record), from: first.again().records)
    }

    static func knownSessionIsReplaced(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness, sessionLife: shortLife)
        var second = first.again()
        second.session = first.session
        try await harness.expect(false, replacing: first, with: second)
        try await harness.expect(nil, under: first.session)
        try await harness.expect(.inserted, from: first.records)
        try await harness.expect(false, replacing: second, with: second)
        try await harness.expect(first.record, under: first.session)
        try await harness.expect(true, replacing: first, with: second)
        try await harness.expect(.answered(first.answer, session: second.record), from: first.again().records)
    }

    static func revokedSessionIsNotReplaced(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        var (second, none) = (first.again(), first.again())
        (second.session, none.record) = (first.session, SealedRecord(bytes: []))
        try await harness.expect(.inserted, from: first.records)
        try await harness.revoke(first)
        try await harness.expect(false, replacing: first, with: second)
        try await harness.expect(false, replacing: none, with: second)
        try await harness.expect(nil, under: first.session)
    }

    static func endedSessionIsAbsent(_ harness: SessionStoreHarness) async throws {
        let exchange = Exchange(harness, sessionLife: shortLife)
        try await harness.store.insertIfAbsent(exchange.records.session, within: Self.budget)
        try await harness.end(.session(exchange.session))
        try await harness.expect(nil, under: exchange.session)
    }

    static func revokedSessionIsAbsent(_ harness: SessionStoreHarness) async throws {
        let exchange = Exchange(harness)
        try await harness.store.insertIfAbsent(exchange.records.session, within: Self.budget)
        try await harness.revoke(exchange)
        try await harness.expect(nil, under: exchange.session)
        try await harness.revoke(exchange)
        try await harness.expect(nil, under: exchange.session)
    }

    static func revocationEndsTheAnswerToo(_ harness: SessionStoreHarness) async throws {
        let first = Exchange(harness)
        try await harness.expect(.inserted, from: first.records)
        try await harness.revoke(first)
        try await harness.expectOverwritten(first)
        try await harness.expect(nil, under: first.session)
    }

    static func sessionRevokedBeforeItIsWrittenStaysAbsent(_ harness: SessionStoreHarness) async throws {
        let exchange = Exchange(harness)
        try await harness.revoke(exchange)
        try await harness.store.insertIfAbsent(exchange.records.session, within: Self.budget)
        try await harness.expect(nil, under: exchange.session)
    }

    static func pastSessionIsNotStored(_ harness: SessionStoreHarness) async throws {
        let exchange = Exchange(harness, sessionLife: .seconds(-1))
        try await harness.store.insertIfAbsent(exchange.records.session, within: Self.budget)
        try await harness.expect(nil, under: exchange.session)
        try await harness.expect(.inserted, from: exchange.records)
        try await harness.expect(nil, under: exchange.session)
        try await harness.expect(.inserted, from: exchange.again().records)
    }

    static func everyByteValueSurvives(_ harness: SessionStoreHarness) async throws {
        let everyByte = Array(UInt8.min...UInt8.max)
        for start in stride(from: 0, to: 256, by: 32) {
            let key = RecordKey(digest: Array(everyByte[start..<start + 32]), in: Partition(digest: everyByte))
            var exchange = Exchange(harness, answerKey: key)
            exchange.session = key
            exchange.record = SealedRecord(bytes: everyByte)
            exchange.answer = SealedRecord(bytes: everyByte.reversed())
            let insertion = try await harness.insertIfAbsent(exchange.records)
            try expect(
                [.inserted, .answered(exchange.answer, session: exchange.record)].contains(insertion), "\(insertion)")
            try await harness.expect(
                .answered(exchange.answer, session: exchange.record), from: exchange.again().records)
            try await harness.expect(exchange.record, under: key)
        }
    }

    static func checkPasses(_ harness: SessionStoreHarness) async throws {
        try await harness.store.check(within: Self.budget)
    }
}
