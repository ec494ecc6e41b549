/// `limits`: how much clients may cost us.
package struct LimitSettings: Sendable, Equatable {
    /// For a request's head, and again for the trailers after its body.
    package let headBytes: Int
    /// For a request's body.
    package let bodyBytes: Int
    /// For an identity token; less than `bodyBytes`, because the body contains it.
    package let tokenBytes: Int
    package let jsonDepth: Int
    /// Members of one JSON object.
    package let jsonMembers: Int
    /// How many refused requests each source may send on average; 0 turns the limit off.
    package let requestsPerSecond: Int
    /// How many refused requests a source may send at once after a quiet time.
    package let burst: Int
    /// How many sources the limiter remembers in each of its two generations.
    package let sources: Int
    /// For head and body of a request to arrive, counted from the first byte; for its sender to read the answer; for a
    /// TLS handshake.
    package let requestTimeout: Duration
    /// How many connections the public listener may have open.
    package let connections: Int
    /// How many of them one source may have; 0 for no limit.
    package let connectionsPerSource: Int
    /// How many requests of the public listener may be in progress.
    package let requestsInProgress: Int
    /// How long requests of the public listener may wait for their event loop.
    package let queueingTime: Duration
}

extension LimitSettings {
    /// Every key has a default.
    static func read(_ section: MappingReader) -> LimitSettings? {
        let limits = LimitSettings(
            headBytes: section.value("head_bytes", default: 49152) { $0.integer(in: 4096...65536) },
            bodyBytes: section.value("body_bytes", default: 32768) { $0.integer(in: 1024...1_048_576) },
            tokenBytes: section.value("token_bytes", default: 8192) { $0.integer(in: 512...65536) },
            jsonDepth: section.value("json_depth", default: 16) { $0.integer(in: 3...64) },
            jsonMembers: section.value("json_members", default: 256) { $0.integer(in: 16...4096) },
            requestsPerSecond: section.value("requests_per_second", default: 50) { $0.integer(in: 0...100_000) },
            burst: section.value("burst", default: 100) { $0.integer(in: 1...100_000) },
            sources: section.value("sources", default: 10000) { $0.integer(in: 1...1_000_000) },
            requestTimeout: section.value("request_timeout", default: .seconds(10)) {
                $0.duration(in: .milliseconds(100)...(.seconds(300)))
            },
            connections: section.value("connections", default: 4096) { $0.integer(in: 1...100_000) },
            connectionsPerSource: section.value("connections_per_source", default: 256) { $0.integer(in: 0...100_000) },
            requestsInProgress: section.value("requests_in_progress", default: 2048) { $0.integer(in: 1...100_000) },
            queueingTime: section.value("queueing_time", default: .milliseconds(100)) {
                $0.duration(in: .milliseconds(10)...(.seconds(10)))
            })
        limits.requireRoomForToken(section)
        return limits
    }

    /// Either limit may be a default, so the problem is reported at the one that is in the file.
    private func requireRoomForToken(_ section: MappingReader) {
        guard tokenBytes >= bodyBytes else { return }
        if let reader = section.reader("token_bytes") {
            reader.report(expected: "less than `limits.body_bytes`, which is \(bodyBytes)")
        } else {
            section.reader("body_bytes")?.report(expected: "more than `limits.token_bytes`, which is \(tokenBytes)")
        }
    }
}
