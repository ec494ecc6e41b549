import COpenSSL

/// The libcrypto that the program runs with, which may be another one than it was built with.
package enum OpenSSLLibrary {
    /// As the library itself says it, such as `OpenSSL 3.0.19 27 Jan 2026`.
    package static var version: String {
        unsafe OpenSSL_version(OPENSSL_VERSION).map { unsafe String(cString: $0) } ?? ""
    }

    /// Why this library must not be used, for the operator; nil if it may. The loader compares names of files alone.
    /// - Parameters:
    ///   - built: the `OPENSSL_VERSION_NUMBER` that the program was built with: four bits of major version, eight of minor.
    ///   - loaded: that of the library.
    package static func problem(
        built: UInt = countersign_openssl_built, loaded: UInt = OpenSSL_version_num()
    ) -> String? {
        let (needed, found) = (parts(built), parts(loaded))
        if found.major == needed.major, found.minor >= needed.minor { return nil }
        return
            "expected OpenSSL \(needed.major).\(needed.minor) or a newer \(needed.major).x, which this program was built with, "
            + "found \(found.major).\(found.minor); install that (`ldd` shows which libcrypto is loaded), and unset LD_LIBRARY_PATH"
    }

    private static func parts(_ number: UInt) -> (major: UInt, minor: UInt) { (number >> 28, number >> 20 & 0xFF) }
}
