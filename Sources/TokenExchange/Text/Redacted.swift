/// A value that must never be printed: descriptions, debug descriptions and mirrors show only the type's name.
///
/// Code that needs the content asks for it by name (`bytes`); string interpolation, `dump` and a logger's metadata do
/// not get at it.
package protocol Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension Redacted {
    package var description: String { "\(Self.self)(redacted)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
