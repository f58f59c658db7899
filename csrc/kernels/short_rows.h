/* Rows of a few elements, many of which an elementwise kernel computes as one long row: what an
 * operand has expanded or apart is laid out in a buffer first. */
#ifndef TK_SHORT_ROWS_H
#define TK_SHORT_ROWS_H

#include "move.h"
#include "rows.h"

/* Bytes of a row up to which its own loop costs more than the buffer does: of one in which an operand is
 * a single element, and the result is not stored past the caches, fewer, as that fills a vector once. */
enum { TK_SHORT_ROW_BYTES = 256, TK_SHORT_SPREAD_BYTES = 128 };

/* What the buffers of operands that are the same in every row hold: so many elements from there on. */
typedef struct tk_repeated {
    const char *from[TK_MAP_OPERANDS];
    int64_t n[TK_MAP_OPERANDS];
} tk_repeated;

/* How many rows of elements of `size` bytes are joined, so that a buffer holds `most` elements; 0 where
 * rows are long, the result has them apart, or they are too few for what runs down them. */
static inline int64_t tk_rows_joined(const tk_map_work *w, int operands, int64_t out_size,
                                     int64_t size, int64_t most)
{
    const int last = w->ndim - 1;
    const int64_t n = w->size[last], lanes = TK_VECTOR_BYTES / size;
    int64_t longest = TK_SHORT_ROW_BYTES;
    for (int i = 1; i < operands && !w->streams; i++)
        if (w->stride[i][last] == 0)
            longest = TK_SHORT_SPREAD_BYTES;
    if (last < 1 || n * size > longest || w->stride[0][last] != out_size ||
        w->stride[0][last - 1] != n * out_size)
        return 0;
    for (int i = 1; i < operands && most / n < TK_CROSSED_ROWS; i++)
        if (tk_crossed(w, i))
            return 0;
    /* Whole vectors: the next long row begins where one does, and is stored past the caches. */
    return most / n < lanes ? most / n : most / n / lanes * lanes;
}

/* Points row[i], at `rows` rows of operand i or at `n` elements of one, to where they lie side by side:
 * in place, or in the i-th of the buffers of so many bytes. */
TK_OUTLINE void tk_join_rows(const tk_map_work *w, int operands, int64_t rows, int64_t n,
                             const int64_t item[], char *row[], char *buffers, int64_t bytes,
                             tk_repeated *held)
{
    const int last = w->ndim - 1;
    for (int i = 1; i < operands; i++) {
        const tk_span span = {rows, n, w->stride[i][last - 1], w->stride[i][last]};
        if (span.step == item[i] && (rows == 1 || span.row_step == n * item[i]))
            continue;
        char *const buffer = buffers + i * bytes;
        if (span.row_step != 0 || held->from[i] != row[i] || held->n[i] < rows * n) {
            tk_gather_span(row[i], &span, buffer, item[i]);
            held->from[i] = row[i];
            held->n[i] = rows * n;
        }
        row[i] = buffer;
    }
}

#endif
