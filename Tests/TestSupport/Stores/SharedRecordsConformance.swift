package import TokenExchange

/// What every adapter of ``SharedRecords`` must do, one check per promise. Keys are random, so a store may be shared.
package enum SharedRecordsConformance {
    package struct Check: Sendable, CustomStringConvertible {
        package let description: String
        package let run: @Sendable (any SharedRecords) async throws -> Void
    }

    package static let checks: [Check] = [
        Check(description: "an unknown record is nil") { records in
            try expect(try await records.value(of: key(), within: budget) == nil, "a value out of nowhere")
        },
        Check(description: "the first writer wins, and the second is told") { records in
            let key = key()
            try expect(try await insert([1], key, records) == nil, "the first was refused")
            try expect(try await insert([2], key, records) == [1], "the second was not told")
            try expect(try await records.value(of: key, within: budget) == [1], "the second overwrote")
        },
        Check(description: "one of fifty concurrent writers wins") { records in
            let key = key()
            let told = try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                for number in 0..<50 { group.addTask { try await insert([UInt8(number)], key, records) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let kept = try await records.value(of: key, within: budget)
            try expect(told.filter { $0 == nil }.count == 1, "not one won")
            try expect(told.filter { $0 != nil }.allSatisfy { $0 == kept }, "they were told different things")
        },
        Check(description: "only what is expected is replaced") { records in
            let key = key()
            try expect(try await replace([1], key, [2], records) == false, "nothing was replaced")
            _ = try await insert([1], key, records)
            try expect(try await replace([7], key, [2], records) == false, "something else was replaced")
            try expect(try await records.value(of: key, within: budget) == [1], "it was changed anyway")
            try expect(try await replace([1], key, [2], records), "it was not replaced")
            try expect(try await records.value(of: key, within: budget) == [2], "not what was put there")
        },
        Check(description: "only what is expected is removed") { records in
            let key = key()
            _ = try await insert([1], key, records)
            try expect(try await replace([2], key, nil, records) == false, "something else was removed")
            try expect(try await replace([1], key, nil, records), "it was not removed")
            try expect(try await records.value(of: key, within: budget) == nil, "it is still there")
            try expect(try await insert([3], key, records) == nil, "its place is taken")
        },
        Check(description: "every byte value survives") { records in
            let key = key()
            let value = (0...255).map { UInt8($0) }
            _ = try await insert(value, key, records)
            try expect(try await records.value(of: key, within: budget) == value, "changed on the way")
            try expect(try await replace(value, key, value.reversed(), records), "not compared byte by byte")
        },
    ]

    package static let budget = Duration.seconds(2)

    package static func key() -> RecordKey {
        let digest = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
        return RecordKey(digest: digest, in: Partition(digest: digest))
    }

    private static func insert(
        _ value: [UInt8], _ key: RecordKey, _ records: any SharedRecords
    ) async throws -> [UInt8]? {
        try await records.insertIfAbsent(value, under: key, for: .seconds(60), within: budget)
    }

    private static func replace(
        _ expected: [UInt8], _ key: RecordKey, _ new: [UInt8]?, _ records: any SharedRecords
    ) async throws -> Bool {
        try await records.replace(expected, under: key, with: new, for: .seconds(60), within: budget)
    }

    private static func expect(_ condition: Bool, _ what: String) throws {
        if !condition { throw ConformanceFailure(description: what) }
    }
}
