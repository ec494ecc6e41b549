import COpenSSL

/// OpenSSL refused an operation; `cause` is the first entry of its error queue, which never contains key material.
struct OpenSSLFailure: Error {
    let cause: String
}

/// OpenSSL's error queue of the current thread. Used only synchronously, since a suspension could change threads.
enum OpenSSLErrorQueue {
    /// Runs `body` with an empty queue and leaves an empty one, so that each error belongs to its own call.
    /// - Parameter body: returns nil if OpenSSL failed.
    static func checked<Result>(_ body: () -> Result?) throws(OpenSSLFailure) -> Result {
        empty()
        defer { empty() }
        guard let result = body() else { throw OpenSSLFailure(cause: firstEntry()) }
        return result
    }

    /// To look first is quicker than to clear, and the queue is nearly always empty.
    private static func empty() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// For operations that fail only if memory or entropy has run out. Then nothing secure can be done, and the process
    /// ends.
    static func required<Result>(_ operation: StaticString, _ body: () -> Result?) -> Result {
        do { return try checked(body) } catch { fatalError("OpenSSL cannot \(operation): \(error.cause)") }
    }

    private static func firstEntry() -> String {
        let code = ERR_get_error()
        guard code != 0 else { return "no reason given" }
        var text = [CChar](repeating: 0, count: 256)
        unsafe ERR_error_string_n(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
