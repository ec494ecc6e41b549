import NIOCore
import NIOHTTP2

/// What one connection of HTTP/2 may cost, besides what bounds a request of either version.
package struct HTTP2Limits: Sendable {
    /// Requests in progress.
    package let streams: Int
    /// Bytes of all requests in progress, heads and bodies, and of answers that the client has not read.
    package let bufferBytes: Int
    /// How many of its requests a client may reset in a minute, and how many it may send that break the protocol.
    package let resetsPerMinute: Int
    /// Frames that belong to no request.
    package let controlFramesPerMinute: Int

    /// The defaults are those of the configuration.
    package init(
        streams: Int = 100, bufferBytes: Int = 524_288, resetsPerMinute: Int = 200, controlFramesPerMinute: Int = 500
    ) {
        self.streams = streams
        self.bufferBytes = bufferBytes
        self.resetsPerMinute = resetsPerMinute
        self.controlFramesPerMinute = controlFramesPerMinute
    }

    private static let minute = TimeAmount.minutes(1)
    /// The size of frames that everybody must take (RFC 9113 §4.2), and the largest that we take.
    private static let frameBytes = 16_384
    /// How much larger than a head may be what is read at all. A head in between is answered (431), a larger one ends the
    /// connection.
    private static let headMargin = 2
    /// As much as every client may send before it has been told anything (RFC 9113 §6.9.2).
    private static let windowBytes = 65_535

    /// The bounds that NIO keeps, every one of them said.
    func connection(_ head: HeadLimits) -> NIOHTTP2Handler.ConnectionConfiguration {
        let listBytes = head.bytes * Self.headMargin
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: listBytes),
            HTTP2Setting(parameter: .initialWindowSize, value: Self.windowBytes),
        ]
        // HTTP2HeadDraft is stricter, and its refusals are answered and logged.
        configuration.headerBlockValidation = .disabled
        configuration.contentLengthValidation = .enabled
        configuration.maximumSequentialEmptyDataFrames = 1
        configuration.maximumSequentialContinuationFrames = listBytes / Self.frameBytes + 1
        // Nothing is read while the client does not read, so these are answers to what one read brings.
        configuration.maximumBufferedControlFrames = 1000
        configuration.maximumRecentlyResetStreams = 2 * streams
        configuration.controlFrameRateLimit.maximumCount = controlFramesPerMinute
        configuration.controlFrameRateLimit.windowLength = Self.minute
        // For the whole life of a connection, which may be a load balancer's; the rate is bounded below.
        configuration.maximumConnectionGlitches = .max
        configuration.targetWindowSize = Self.windowBytes
        return configuration
    }

    /// The bounds that NIO keeps for the streams of a connection.
    var stream: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.targetWindowSize = Self.windowBytes
        configuration.streamResetFrameRateLimit.maximumCount = resetsPerMinute
        configuration.streamResetFrameRateLimit.windowLength = Self.minute
        configuration.streamErrorRateLimit.maximumCount = resetsPerMinute
        configuration.streamErrorRateLimit.windowLength = Self.minute
        return configuration
    }
}
