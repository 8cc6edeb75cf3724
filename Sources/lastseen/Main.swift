import LastseenCommands

@main
enum Main {
    static func main() { LastseenCommand.run() }
}
