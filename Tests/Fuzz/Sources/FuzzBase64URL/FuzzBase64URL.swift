import FuzzDriver
import FuzzProperties

@main enum FuzzBase64URL {
    static func main() {
        FuzzDriver.run { start, count in FuzzTarget.base64URL.check(start, count) }
    }
}
