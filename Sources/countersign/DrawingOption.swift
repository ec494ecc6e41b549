import ArgumentParser
import CountersignService
import Foundation

/// `--svg FILE`, for commands that can draw what they print.
struct DrawingOption: ParsableArguments {
    @Option(
        name: .customLong("svg"),
        help: ArgumentHelp("Also write it as a drawing, for a browser; replaces the file.", valueName: "file"))
    private var file: String?

    /// Writes the drawing if a file is named.
    func write(_ drawing: () throws -> String) throws {
        guard let file else { return }
        let text = try drawing()
        do { try Data(text.utf8).write(to: URL(filePath: file)) } catch {
            throw StartUpError([
                "--svg \(file): expected a file that can be written, found: \(error.localizedDescription)"
            ])
        }
    }
}
