import FuzzDriver
import FuzzProperties

@main enum FuzzToken {
    static func main() {
        FuzzDriver.run { start, count in FuzzTarget.token.check(start, count) }
    }
}
