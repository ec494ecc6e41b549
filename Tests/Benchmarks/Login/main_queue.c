// Preloaded under valgrind, which cannot follow dispatch_main(): that ends the first thread and goes on in another. Here the
// first thread runs the main queue itself.

#include <unistd.h>

extern void _dispatch_main_queue_callback_4CF(void *);
extern int _dispatch_get_main_queue_handle_4CF(void);

void dispatch_main(void) {
  _dispatch_get_main_queue_handle_4CF();
  for (;;) {
    _dispatch_main_queue_callback_4CF(0);
    usleep(2000);
  }
}
