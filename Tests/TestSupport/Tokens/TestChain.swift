import Foundation

/// A server's certificate from an authority below a root, and its key, all made for this run.
package struct TestChain: Sendable {
    /// PEM.
    package let root, authority, server, serverKey: String
    /// `serverKey` under the passphrase `secret`, in both of its forms.
    package let encryptedKey, traditionalEncryptedKey: String

    /// Made once; everybody may read it.
    package static let shared = Result { try TestChain() }

    private init() throws {
        let folder = TemporaryFolder()
        func openssl(_ arguments: String) throws {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.currentDirectoryURL = URL(filePath: folder.path)
            process.arguments = ["openssl"] + arguments.split(separator: " ").map(String.init)
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { throw TestCertificateFailure() }
        }
        let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        try openssl("req -x509 \(newKey) -days 3 -subj /CN=root -keyout root.key -out root.pem")
        for (name, issuer) in [("authority", "root"), ("server", "authority")] {
            try openssl("req -new \(newKey) -subj /CN=\(name) -keyout \(name).key -out \(name).csr")
            try openssl(
                "x509 -req -in \(name).csr -CA \(issuer).pem -CAkey \(issuer).key -CAcreateserial -days 2 -out \(name).pem"
            )
        }
        try openssl("pkcs8 -topk8 -in server.key -passout pass:secret -out encrypted.key")
        try openssl("ec -in server.key -aes128 -passout pass:secret -out traditional.key")
        func text(_ file: String) throws -> String {
            try String(contentsOfFile: "\(folder.path)/\(file)", encoding: .utf8)
        }
        root = try text("root.pem")
        authority = try text("authority.pem")
        server = try text("server.pem")
        serverKey = try text("server.key")
        encryptedKey = try text("encrypted.key")
        traditionalEncryptedKey = try text("traditional.key")
    }
}
