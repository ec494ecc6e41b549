import TestSupport

/// Measures one part after the other, and prints a row of a table for each.
struct Bench {
    private static let rounds = 5

    private let counters: Counters
    private let round: Duration

    /// - Parameter seconds: for each part, without its warm-up.
    init(_ counters: Counters, seconds: Double) {
        self.counters = counters
        round = .seconds(seconds) / Self.rounds
    }

    /// One call.
    func measure<Value>(_ name: String, _ call: () throws -> Value) async throws {
        try await measureBatches(of: name) { count in
            for _ in 0..<count { consume(try call()) }
            return Cost()
        }
    }

    /// One call that may wait.
    func measureWaiting<Value>(_ name: String, _ call: () async throws -> Value) async throws {
        try await measureBatches(of: name) { count in
            for _ in 0..<count { consume(try await call()) }
            return Cost()
        }
    }

    /// Prints what the middle one of some rounds cost.
    /// - Parameter batch: makes as many calls as it is told, and returns what does not count.
    func measureBatches(of name: String, _ batch: (_ count: Int) async throws -> Cost) async throws {
        do {
            let count = try await warmUp(batch)
            var costs: [Cost] = []
            for _ in 0..<Self.rounds {
                let before = counters.cost
                let excluded = try await batch(count)
                costs.append((counters.cost - before - excluded) / count)
            }
            costs.sort { $0.nanoseconds < $1.nanoseconds }
            print(costs[Self.rounds / 2].row(name))
        } catch {
            throw ProgramFailure(description: "\(name): \(error)")
        }
    }

    /// - Returns: how many calls fill a round.
    private func warmUp(_ batch: (_ count: Int) async throws -> Cost) async throws -> Int {
        var count = 1
        while true {
            let start = ContinuousClock.now
            _ = try await batch(count)
            let elapsed = ContinuousClock.now - start
            if elapsed >= round { return max(1, Int(Double(count) * (round / elapsed))) }
            count *= 2
        }
    }
}

/// Takes a result, so that the call which made it is not optimized away.
@_optimize(none) func consume<Value>(_ value: Value) {}
