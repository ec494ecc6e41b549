/// What this program is. Its version stands here and nowhere else.
package enum BuildInformation {
    package static let version: StaticString = "1.0.0"

    /// Of the compiler.
    #if compiler(>=6.4)
        static let swift: StaticString = "6.4"
    #elseif compiler(>=6.3)
        static let swift: StaticString = "6.3"
    #else
        static let swift: StaticString = "6.2"
    #endif
}
