import NIOSSL
import ServiceConfiguration
import TokenExchange

/// A PEM file of the configuration, as the TLS library takes it; or what an operator has to fix. Bytes before, between and
/// after its blocks are ignored, as other programs do.
struct PEMFile {
    let place: ConfigurationPlace
    let path: String
    private let bytes: [UInt8]
    private let blocks: [Block]

    fileprivate struct Block {
        /// `CERTIFICATE` of `-----BEGIN CERTIFICATE-----`.
        let label: String
        /// With both of its lines.
        let text: [UInt8]
    }

    /// A bundle of all the world's authorities has some 250 KB.
    private static let byteLimit = 4 << 20

    /// - Parameters:
    ///   - place: where the configuration names it.
    ///   - isPrivate: whether other users must be kept from reading it.
    init(_ path: String, at place: ConfigurationPlace, isPrivate: Bool = false) throws(ConfigurationProblem) {
        do throws(Complaint) {
            bytes = try ReferencedFile(path, isPrivate: isPrivate).contents(limit: Self.byteLimit)
        } catch { throw place.problem(error) }
        self.path = path
        self.place = place
        blocks = Self.blocks(of: bytes.withoutByteOrderMark)
    }

    /// At least one, in the order of the file.
    func certificates() throws(ConfigurationProblem) -> [NIOSSLCertificate] {
        let own = blocks.filter { ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains($0.label) }
        guard !own.isEmpty else {
            throw problem(expected: "certificates in PEM", openssl: "openssl x509 -inform DER")
        }
        var certificates: [NIOSSLCertificate] = []
        for block in own {
            guard let read = try? NIOSSLCertificate.fromPEMBytes(block.text) else {
                throw place.problem(
                    expected: "certificates in PEM",
                    found: "one that cannot be read, number \(certificates.count + 1) of \(path)",
                    remedy: "Copy the file again from where it is whole.")
            }
            certificates += read
        }
        return certificates
    }

    /// The first, if there are several.
    func privateKey() throws(ConfigurationProblem) -> NIOSSLPrivateKey {
        let expected = "a private key in PEM, without a passphrase"
        guard let block = blocks.first(where: { $0.label.hasSuffix("PRIVATE KEY") }) else {
            throw problem(expected: expected, openssl: "openssl pkey -inform DER")
        }
        if block.isEncrypted {
            throw place.problem(
                expected: expected, found: "an encrypted one: \(path)",
                remedy: "Decrypt it with `openssl pkey -in FILE -out NEW`, and keep the new file from other users.")
        }
        do { return try NIOSSLPrivateKey(bytes: block.text, format: .pem) } catch {
            throw place.problem(
                expected: expected, found: "one that cannot be read: \(path)",
                remedy: "Copy the file again from where it is whole; TLS takes RSA, EC and Ed25519 keys.")
        }
    }

    /// There is no block of the kind that should be there.
    private func problem(expected: String, openssl: String) -> ConfigurationProblem {
        if bytes.isEmpty { return place.problem(expected: expected, found: "an empty file: \(path)") }
        if let encoding = TextEncoding(of: bytes) {
            return place.problem(
                expected: expected, found: "text in \(encoding.rawValue): \(path)", remedy: "Save the file as UTF-8.")
        }
        if let other = blocks.first {
            return place.problem(
                expected: expected, found: "`BEGIN \(other.label.prefix(40))`, which is something else: \(path)")
        }
        // The first byte of every structure in DER.
        if bytes.first == 0x30 {
            return place.problem(
                expected: expected, found: "binary data, perhaps DER or PKCS #12: \(path)",
                remedy: "Convert it with `\(openssl) -in FILE -out NEW`, or `openssl pkcs12`.")
        }
        return place.problem(expected: expected, found: "no line that begins with `-----BEGIN `: \(path)")
    }
}

extension PEMFile.Block {
    /// RFC 7468 §11, or as the older forms say it (RFC 1421 §4.6.1.1).
    fileprivate var isEncrypted: Bool {
        label.hasPrefix("ENCRYPTED") || String(decoding: text, as: UTF8.self).contains("Proc-Type: 4,ENCRYPTED")
    }
}

extension PEMFile {
    private static func blocks(of bytes: ArraySlice<UInt8>) -> [Block] {
        var blocks: [Block] = []
        var open: (label: String, text: [UInt8])?
        for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            if let label = boundary("-----BEGIN ", line) { open = (label, []) }
            open?.text += line + [UInt8(ascii: "\n")]
            if let label = boundary("-----END ", line), let block = open, block.label == label {
                blocks.append(Block(label: label, text: block.text))
                open = nil
            }
        }
        return blocks
    }

    /// The label of a line such as `-----BEGIN CERTIFICATE-----`; nil for another line.
    private static func boundary(_ start: String, _ line: ArraySlice<UInt8>) -> String? {
        guard line.starts(with: start.utf8) else { return nil }
        return String(decoding: line.dropFirst(start.utf8.count).prefix { $0 != UInt8(ascii: "-") }, as: UTF8.self)
    }
}
