/// The keys that we sign with.
package struct SigningSettings: Sendable, Equatable {
    /// Absolute path; whether it exists is for the loader of keys to say.
    package let directory: String
    /// How long others may keep `/.well-known/jwks.json`. Whole seconds.
    package let jwksMaximumAge: Duration
}

extension SigningSettings {
    static func read(_ section: MappingReader) -> SigningSettings? {
        let directory = section.required("directory") { $0.path() }
        let jwksMaximumAge = section.value("jwks_max_age", default: .seconds(600)) {
            $0.duration(in: .zero...(.seconds(86400)), wholeSeconds: true)
        }
        guard let directory else { return nil }
        return SigningSettings(directory: directory, jwksMaximumAge: jwksMaximumAge)
    }
}
