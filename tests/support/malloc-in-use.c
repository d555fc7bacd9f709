// Preloaded into a server (LD_PRELOAD): writes every second how many bytes of malloc's are in use, in all its arenas and mapped on
// their own, to the file `$MEMORY_IN_USE.<pid>.malloc`. Everything outside of V8's heap is malloc's: OpenSSL, nghttp2, libuv, zlib,
// Node's own objects and the memory of ArrayBuffers. What malloc keeps for later, which is resident too, is not in it.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[4096], new_path[4100];

static void *write_again_and_again(void *unused) {
  (void)unused;
  for (;;) {
    struct mallinfo2 info = mallinfo2();
    FILE *file = fopen(new_path, "w");
    if (file != NULL) {
      fprintf(file, "%zu", info.uordblks + info.hblkhd);
      fclose(file);
      rename(new_path, path);
    }
    sleep(1);
  }
  return NULL;
}

__attribute__((constructor)) static void begin(void) {
  const char *base = getenv("MEMORY_IN_USE");
  // A shell may come before the server: that one passes this on.
  if (base == NULL || strcmp(program_invocation_short_name, "node") != 0) return;
  snprintf(path, sizeof path, "%s.%d.malloc", base, (int)getpid());
  snprintf(new_path, sizeof new_path, "%s.new", path);
  // Not into the server's children.
  unsetenv("LD_PRELOAD");
  pthread_t thread;
  if (pthread_create(&thread, NULL, write_again_and_again, NULL) == 0) pthread_detach(thread);
}
