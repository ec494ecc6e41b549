import Foundation
import JOSE
package import TokenExchange

extension CountersignProcess {
    /// The verifier that a probe asks as.
    package static let probeVerifier = TestVerifier(
        "prober", of: "probe", mayRevoke: "true", secret: "MARKERSECRET-of-16")

    /// As ``prepare(_:at:)``, with a tenant, an identity provider and a verifier for `probe`, and its key.
    /// - Parameters:
    ///   - provider: of the provider's further keys, after a comma.
    ///   - more: further keys of `probe`, after a comma.
    package static func prepareProbed(
        _ settings: Settings = Settings(), provider: String = "", more: String = "", at now: UnixTime? = nil
    ) throws -> TemporaryFolder {
        var settings = settings
        settings.verifiers.append(probeVerifier)
        let folder = try prepare(settings, at: now)
        let tenant =
            "  - { name: probe, issuer: \"https://probe.acme.example\", keys: { public_key_files: [probe.pem] }, "
            + "algorithms: [ES256] }\n"
        let providers =
            "identity_providers:\n  - { name: probe, tenants: [probe], mode: strict, token: { lifetime: 5m }\(provider) }\n"
        try folder.write(
            "countersign.yaml",
            settings.yaml.replacing("identity_providers:\n", with: tenant + providers)
                + "\nprobe: { tenant: probe, identity_provider: probe, verifier: prober, private_key: probe.key\(more) }\n"
        )
        try makeProbeKey(in: folder)
        return folder
    }

    /// A new key for the probe; the service does not know it before it reads it.
    package static func makeProbeKey(in folder: TemporaryFolder) throws {
        let keys = "\(folder.path)/probe-\(UUID().uuidString)"
        let made = try SigningKeyDirectory(path: keys).generate(
            algorithm: .es256, at: UnixTime(seconds: Date().timeIntervalSince1970))
        let file = "\(folder.path)/probe.key"
        try? FileManager.default.removeItem(atPath: file)
        try FileManager.default.moveItem(atPath: "\(keys)/\(made.fileName)", toPath: file)
        let verifier = try OpenSSLTokenSigner(privateKeyFile: file, algorithm: .es256).verifier as? OpenSSLTokenVerifier
        try folder.write("probe.pem", String(decoding: verifier?.publicKeyPEM ?? [], as: UTF8.self))
    }
}
