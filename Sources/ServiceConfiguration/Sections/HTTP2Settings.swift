/// `listen.http2`: whether listeners with TLS offer HTTP/2, and what one of its connections may cost.
package struct HTTP2Settings: Sendable, Equatable {
    package let isEnabled: Bool
    /// How many requests a connection may have in progress.
    package let streams: Int
    /// Bytes of all requests in progress on a connection, heads and bodies.
    package let bufferBytes: Int
    /// How many of its own requests a client may reset in a minute.
    package let resetsPerMinute: Int
    /// How many frames a client may send in a minute that belong to no request.
    package let controlFramesPerMinute: Int

    /// All except whether it is offered.
    var limits: [Int] { [streams, bufferBytes, resetsPerMinute, controlFramesPerMinute] }

    /// Every key has a default.
    static func read(_ section: MappingReader) -> HTTP2Settings? {
        HTTP2Settings(
            isEnabled: section.value("enabled", default: true) { $0.boolean() },
            streams: section.value("streams", default: 100) { $0.integer(in: 1...1000) },
            bufferBytes: section.value("buffer_bytes", default: 524_288) { $0.integer(in: 65_536...16_777_216) },
            resetsPerMinute: section.value("resets_per_minute", default: 200) { $0.integer(in: 1...10_000) },
            controlFramesPerMinute: section.value("control_frames_per_minute", default: 500) {
                $0.integer(in: 10...10_000)
            })
    }
}
