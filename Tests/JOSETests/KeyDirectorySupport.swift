import FoundationEssentials
import JOSE
import TokenExchange

/// The files in a key directory, except the lock.
func files(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != ".lock" }.sorted()
}

func manifestText(_ path: String) throws -> String {
    try String(decoding: Data(contentsOf: URL(filePath: "\(path)/manifest.json")), as: UTF8.self)
}

/// Why a change to a key directory was refused; nil if it was not.
func problem(_ work: () throws -> Void) throws -> KeyFileError.Problem? {
    do {
        try work()
        return nil
    } catch let error as KeyFileError { return error.problem }
}
