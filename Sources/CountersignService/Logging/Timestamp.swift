import FoundationEssentials
import TokenExchange

/// RFC 3339 with milliseconds, in UTC.
enum Timestamp {
    static func text(_ time: UnixTime) -> String {
        Date(timeIntervalSince1970: time.seconds).formatted(.iso8601.time(includingFractionalSeconds: true))
    }
}
