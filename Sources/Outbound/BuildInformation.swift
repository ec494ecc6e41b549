/// What this program is, and what it calls itself to other servers. Its version stands here and nowhere else.
package enum BuildInformation {
    package static let version: StaticString = "1.0.0"

    /// Of the compiler.
    #if compiler(>=6.4)
        package static let swift: StaticString = "6.4"
    #elseif compiler(>=6.3)
        package static let swift: StaticString = "6.3"
    #else
        package static let swift: StaticString = "6.2"
    #endif

    /// For `User-Agent` (RFC 9110 §10.1.5).
    package static let userAgent = "countersign/\(version)"
}
