#pragma once
/* The answer format of docs/prompts.md, read as it streams.
 *
 *      answer = {chatter | file}
 *      file   = begin path " " tag LF  content  ">>>end " tag LF
 *      begin  = "<<<file " | "<<<edits "
 *
 * `file` gives a file whole; `edits` changes the text that the prompt shows of it, where it shows
 * one (answer_allow_edits); their form is daemon/edit's.
 *
 * A marker stands alone on its line, from column 1 (a CR before its LF is tolerated, and the last
 * line may lack its LF). The content is what lies between, with its last line break, byte for byte.
 * Lines that look like markers but carry another tag are content inside of a file and chatter
 * outside. A file counts only with its end line and an expected path, once; whatever else begins
 * with a marker is refused: skipped, counted, never an error. A begin marker inside of a file ends
 * that file without an end line: it is refused, and the new one begins. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"

#define ANSWER_TAG_BYTES 9                       /* 8 hexadecimal digits and the NUL */
#define ANSWER_MAX_FILE_BYTES ((size_t)16 << 20) /* a blob's limit */
#define ANSWER_MAX_BYTES ((size_t)64 << 20)      /* of one answer; what follows is not read */
#define ANSWER_MAX_FILES 4096u

struct answer;

/* file: index into the expected paths. The callbacks may not feed, reset or free the answer. Each
 * may be NULL. */
struct answer_events {
        void (*on_file_begin)(size_t file, void *arg);
        void (*on_file_text)(size_t file, struct span text, void *arg); /* content as it arrives */
        void (*on_file_end)(size_t file, struct span text,
                            void *arg); /* the whole content; valid during the call */
};

/* Why files and text did not count. */
struct answer_counts {
        size_t n_done;
        size_t n_chatter_bytes;
        size_t n_unexpected; /* path not asked for */
        size_t n_repeated;   /* asked for, but done before */
        size_t n_unended;    /* without its end line */
        size_t n_too_large;
        size_t n_unread_bytes; /* after ANSWER_MAX_BYTES */
};

/* paths are copied. -EINVAL: no tag, more than ANSWER_MAX_FILES. */
int answer_new(const char *tag, const char *const *paths, size_t n_paths,
               const struct answer_events *events, void *arg, struct answer **ret) _must_check_;
struct answer *answer_free(struct answer *a);
DEFINE_CLEANUP(struct answer, answer_free);
/* The prompt shows a text of this file: edits of it are an answer, too. */
void answer_allow_edits(struct answer *a, size_t file);
/* Of the file whose callback runs: edits, or the file whole. */
bool answer_is_edits(const struct answer *a);
/* Text in any pieces. -ENOMEM: the file that was being read is lost, the answer can still be fed.
 */
int answer_feed(struct answer *a, struct span text) _must_check_;
/* The stream has ended: a last line without its LF is read, an open file is refused. */
void answer_finish(struct answer *a);
/* The request is made again: the open file and the counts are forgotten, files that are done stay
 * done and are not reported again. */
void answer_reset(struct answer *a);
/* The file that is being read, and what came of it; before answer_finish(). False: none is. */
bool answer_get_open(const struct answer *a, size_t *ret_file, struct span *ret_text);
/* The line that begins a file, or edits of it. */
int answer_write_begin(const char *tag, const char *path, bool is_edits,
                       struct buf *out) _must_check_;
bool answer_is_done(const struct answer *a, size_t file);
/* Indices of files without a whole content, at most n_max; returns how many there are. */
size_t answer_missing(const struct answer *a, size_t *ret_files, size_t n_max);
const struct answer_counts *answer_counts(const struct answer *a);

/* The tag of a call, from a hash over the keys of its tasks. */
void answer_tag(const struct hash *h, char ret[ANSWER_TAG_BYTES]);
/* Appends block 7 of a prompt: prose, then the fenced `answer`. is_shown: per path, whether the
 * prompt shows a text to be edited; NULL: of none. */
int answer_write_instructions(const char *tag, const char *const *paths, const bool *is_shown,
                              size_t n_paths, struct buf *out) _must_check_;
