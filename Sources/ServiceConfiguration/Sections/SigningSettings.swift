/// `signing`: the keys that we sign with.
package struct SigningSettings: Sendable {
    /// Absolute path; whether it exists is checked when keys are read.
    package let directory: String
    /// How long verifiers may keep `/.well-known/jwks.json`. Whole seconds.
    package let jwksMaximumAge: Duration
    /// For encrypted key files; nil if they are not encrypted.
    package let passphrase: Secret?
    package let rotation: RotationSettings
}

/// `signing.rotation`: the times of a rotation.
package struct RotationSettings: Sendable, Equatable {
    /// How long a key signs before `keys advance` replaces it.
    package let every: Duration
    /// How long it may take until every replica has noticed a change of the directory.
    package let refreshLag: Duration
    /// How far the clocks of verifiers and replicas may be wrong.
    package let clockSkew: Duration
}

extension SigningSettings {
    /// Only `directory` is required.
    static func read(_ section: MappingReader) -> SigningSettings? {
        let directory = section.required("directory") { $0.path() }
        let jwksMaximumAge = section.value("jwks_max_age", default: .seconds(600)) {
            $0.duration(in: .zero...(.seconds(86400)), wholeSeconds: true)
        }
        let passphrase = section.optional("passphrase") { $0.secret(atLeast: 4) }
        let rotation = section.section("rotation", RotationSettings.read)
        guard let directory, let rotation else { return nil }
        return SigningSettings(
            directory: directory, jwksMaximumAge: jwksMaximumAge, passphrase: passphrase, rotation: rotation)
    }
}

extension RotationSettings {
    fileprivate static func read(_ section: MappingReader) -> RotationSettings? {
        RotationSettings(
            every: section.value("every", default: .seconds(90 * 86400)) {
                $0.duration(in: .seconds(1)...(.seconds(3650 * 86400)))
            },
            refreshLag: section.value("refresh_lag", default: .seconds(120)) {
                $0.duration(in: .milliseconds(200)...(.seconds(3600)))
            },
            clockSkew: section.value("clock_skew", default: .seconds(30)) { $0.duration(in: .zero...(.seconds(600))) })
    }
}
