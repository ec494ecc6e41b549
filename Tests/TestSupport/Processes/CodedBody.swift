import Foundation

/// Bodies as other programs code them.
package enum CodedBody {
    /// - Parameters:
    ///   - coding: `gzip`, or `deflate`, which is zlib's format (RFC 9110 §8.4.1.2).
    ///   - text: a Python expression of bytes, so that large ones need not be made here.
    package static func make(_ coding: String, of text: String) async throws -> [UInt8] {
        let function = coding == "gzip" ? "gzip.compress" : "zlib.compress"
        let result = try await CountersignProcess.run(
            "/usr/bin/python3",
            ["-c", "import base64, gzip, zlib; print(base64.b64encode(\(function)(\(text))).decode())"])
        guard result.status == 0, let bytes = Data(base64Encoded: result.output.trimmingCharacters(in: .newlines))
        else {
            throw ProgramFailure(description: result.output)
        }
        return [UInt8](bytes)
    }
}
