import Foundation
import ServiceConfiguration
import Testing

/// Files as editors and shells of all systems write them.
@Suite struct EncodingTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    private func complaints(about bytes: Data) throws -> String {
        try folder.write(bytes, to: "config.yaml")
        do {
            _ = try Configuration.load(file: folder.path + "/config.yaml", environment: [:])
            return ""
        } catch { return "\(error)".replacing(folder.path + "/", with: "") }
    }

    @Test(arguments: [shortest, shortest.replacing("\n", with: "\r\n"), "\n# By the night shift\n\n" + shortest])
    func readsAFileWithAByteOrderMarkAndAnyLineEnds(_ text: String) throws {
        #expect(try complaints(about: Data("\u{FEFF}\(text)".utf8)) == "")
        #expect(try complaints(about: Data(text.utf8)) == "")
    }

    @Test(arguments: [
        (String.Encoding.utf16, "UTF-16"), (.utf16LittleEndian, "UTF-16"), (.utf16BigEndian, "UTF-16"),
        (.utf32, "UTF-32"), (.utf32BigEndian, "UTF-32"),
    ])
    func namesTheEncodingOfAFile(_ encoding: String.Encoding, _ name: String) throws {
        let bytes = try #require(shortest.data(using: encoding))
        #expect(
            try complaints(about: bytes)
                == "config.yaml: expected text in UTF-8, found text in \(name). Save the file as UTF-8.")
    }

    @Test func namesTheLineThatIsNotUTF8() throws {
        let bytes = try #require((shortest + "# für später\n").data(using: .isoLatin1))
        #expect(
            try complaints(about: bytes)
                == "config.yaml:10: expected text in UTF-8, found bytes of another encoding, such as Latin-1. "
                + "Save the file as UTF-8.")
    }
}
