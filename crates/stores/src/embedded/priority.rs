//! Who goes first when there is less processor time than work.

/// How much more willing the writer's thread is to wait than others are, in the kernel's unit of
/// niceness. It takes a core whenever nobody else wants it, which it mostly has; where somebody
/// does, ten are enough that whoever wakes up to read goes first.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lets every other thread of the machine go before this one. Where that cannot be said of a single
/// thread, all are alike.
pub(super) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = give_way() {
        tracing::debug!(%error, "the writer's thread is as important as all others");
    }
}

/// To Linux a thread is what others call a process. It may always become nicer than it is.
#[cfg(target_os = "linux")]
fn give_way() -> rustix::io::Result<()> {
    use rustix::process::{getpriority_process, setpriority_process};
    let this = Some(rustix::thread::gettid());
    setpriority_process(this, getpriority_process(this)? + NICENESS)
}
