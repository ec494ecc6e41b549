import Synchronization

/// The id of a request: in the answer's header, in problem documents and in every log line.
package enum RequestID {
    /// Keeps an incoming id of 1 to 128 characters `[A-Za-z0-9_.-]`, so that one id follows a login through all
    /// services; replaces any other.
    static func choose(incoming: String?) -> String {
        if let incoming, isWellFormed(incoming) { return incoming }
        return text(process, counter.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Whether it could be the id of a request.
    package static func isWellFormed(_ id: String) -> Bool {
        1...128 ~= id.utf8.count && id.utf8.allSatisfy(isAcceptable)
    }

    /// Distinguishes processes; the number of the request within its process follows. Neither is a secret.
    private static let process = UInt64.random(in: .min ... .max)
    private static let counter = Atomic<UInt64>(0)

    private static func isAcceptable(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Both numbers in 16 hexadecimal digits each.
    private static func text(_ process: UInt64, _ number: UInt64) -> String {
        String(unsafeUninitializedCapacity: 32) { digits in
            for (half, value) in [process, number].enumerated() {
                for place in 0..<16 {
                    let digit = UInt8(truncatingIfNeeded: value >> (60 - 4 * place) & 0xF)
                    digits[16 * half + place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                }
            }
            return 32
        }
    }
}
