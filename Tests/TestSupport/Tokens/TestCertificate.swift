import Foundation
package import NIOSSL

/// A certificate made for this run, which signs itself and so is its own authority.
package final class TestCertificate: Sendable {
    private let folder = TemporaryFolder()

    /// - Parameter names: as `subjectAltName` has them.
    package init(names: String = "IP:127.0.0.1,DNS:localhost") throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=\(names)",
            "-keyout", keyFile, "-out", file,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw TestCertificateFailure() }
    }

    /// PEM.
    package var file: String { folder.path + "/certificate.pem" }

    /// PEM.
    package var keyFile: String { folder.path + "/key.pem" }

    /// Puts another certificate and its key into these files, as a rotation does.
    package func replace(with other: TestCertificate) throws {
        for (old, new) in [(file, other.file), (keyFile, other.keyFile)] {
            try FileManager.default.removeItem(atPath: old)
            try FileManager.default.copyItem(atPath: new, toPath: old)
        }
    }

    /// When the first one expires, in seconds since 1970.
    package var notAfter: Double {
        get throws { Double(try certificates[0].notValidAfter) }
    }

    package var certificates: [NIOSSLCertificate] {
        get throws { try NIOSSLCertificate.fromPEMFile(file) }
    }

    /// For a client that proves itself by this certificate, and trusts it and no other.
    package var clientConfiguration: TLSConfiguration {
        get throws {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates(try certificates)
            configuration.certificateChain = try certificates.map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
            return configuration
        }
    }

    package var serverConfiguration: TLSConfiguration {
        get throws {
            .makeServerConfiguration(
                certificateChain: try certificates.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem)))
        }
    }
}

package struct TestCertificateFailure: Error {}
