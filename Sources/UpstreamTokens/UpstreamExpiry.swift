import TokenExchange

/// How long a token lives, as its service says. Some services write numbers as strings.
enum UpstreamExpiry {
    /// Nothing that the service sent.
    struct Unreadable: Error {
        let cause: String
    }

    /// The end of the year 9999. A later point in time is one in milliseconds, or a mistake.
    private static let latest = 253_402_300_799.0
    /// Longer than any session; a longer life is as good as this.
    private static let longest = 1e9

    /// Nil if the service does not say.
    static func lifetime(
        in document: JSONValue, by expiry: UpstreamEndpoint.Expiry, now: UnixTime
    ) throws(Unreadable) -> Duration? {
        let life: Double
        switch expiry {
        case .inSeconds(let place):
            guard let seconds = try number(at: place, in: document) else { return nil }
            life = seconds
        case .at(let place):
            guard let seconds = try number(at: place, in: document) else { return nil }
            guard seconds <= latest else {
                throw Unreadable(cause: "a token that ends after the year 9999: is that milliseconds?")
            }
            life = seconds - now.seconds
        }
        guard life > 0 else { throw Unreadable(cause: "a token that has expired already") }
        return .seconds(min(life, longest))
    }

    /// Nil if there is none, or null.
    private static func number(at place: JSONPointer, in document: JSONValue) throws(Unreadable) -> Double? {
        switch place.value(in: document) {
        case nil, .null?: return nil
        case .number(let literal)?: return Double(String(literal))
        case .string(let text)? where isDecimal(String(text)): return Double(String(text))
        default: throw Unreadable(cause: "no number of seconds where its end should stand")
        }
    }

    /// Digits, perhaps with a sign and a fraction: what `Double` reads beside that is no number of seconds.
    private static func isDecimal(_ text: String) -> Bool {
        let parts = (text.hasPrefix("-") ? text.dropFirst() : text[...])
            .split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) }
    }
}
