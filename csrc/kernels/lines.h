/* Walking the input of a reduction: as lines (one output, its elements side by side) or as columns
 * (many outputs, side by side, one row of elements after the other). Compiled once an instruction
 * set; element types and mathematics come in through a tk_reducer. */
#ifndef TK_LINES_H
#define TK_LINES_H

#include "move.h"
#include "rows.h"
#include "work.h"

/* A line goes through 256 bytes' worth of lanes whatever the register width, lane i taking elements
 * i, i + TK_LANES ..., and the lanes are folded in halves: every instruction set gives the same bits. */
#define TK_LANES ((int)(256 / sizeof(T)))
#define TK_VECTORS (TK_LANES / W)
#define TK_EACH_VECTOR(v) _Pragma("GCC unroll 16") for (int v = 0; v < TK_VECTORS; v++)

/* From so many bytes on, what is read comes from behind the second cache, and is asked for so far ahead:
 * by itself a processor stops fetching where lines are short, or are computed with in between. */
enum { TK_FETCHED_BYTES = 1 << 20, TK_AHEAD_BYTES = 4096 };
/* Of rows that lie one behind the other, where they are added one by one or in groups. */
enum { TK_ROW_AHEAD_BYTES = 8192, TK_GROUP_AHEAD_BYTES = 16384 };

/* n elements that lie `stride` bytes apart, converted and copied side by side. */
typedef void tk_stage(void *restrict out, const char *restrict in, int64_t stride, int64_t n);
/* out = the reduction of x[0..n); pivot is this output's, or NULL. n > 0. */
typedef void tk_line_fn(void *out, const void *x, int64_t n, const void *pivot);
/* The same for some lines, `step` elements apart. */
typedef void tk_line_group_fn(void *out, const void *x, int64_t n, int64_t step, int64_t lines,
                              const void *pivot);
enum { TK_ROW_GROUP = 8, TK_FIRST = 1, TK_FAR = 2 };
/* acc[j] = the reduction of row[0..rows)[j], and of what acc[j] was unless `how` says TK_FIRST; rows is 1
 * to TK_ROW_GROUP. TK_FAR: rows come from behind the second cache, one behind the other; of two, the first
 * is a buffer. */
typedef void tk_column_fn(void *acc, const char *const *row, int rows, int64_t n, int how,
                          const void *pivot);
/* Turns n accumulated values into results. */
typedef void tk_finish_fn(void *out, int64_t n, double p, const void *pivot);

/* The position of an extreme: the index in the line of the first of the values that a scan finds,
 * looked up in `index` where the values are those that an earlier phase found; -1 where none of them
 * beats `than`, unless that is NULL. */
typedef int64_t tk_find_fn(const void *x, int64_t n, const void *than);
/* Of rows [at, at + rows) of n columns, and unless first of best and place: best and place. */
typedef void tk_find_rows_fn(void *best, int64_t *place, const char *const *row, int rows, int64_t n,
                             int64_t at, int first);
/* best and place of n columns from those of `fold` sequences of rows, of which each took every fold-th:
 * [fold][n], places in the own sequence. */
typedef void tk_find_join_fn(void *best, int64_t *place, int64_t fold, int64_t n);

typedef struct tk_reducer {
    int in_size, size; /* bytes of an input element and of an accumulator */
    int direct;        /* elements are read as they are: those that lie side by side need no staging */
    tk_stage *stage;   /* where they are not */
    tk_line_group_fn *lines;
    tk_column_fn *columns, *merge; /* of elements, and of what they were reduced to */
    tk_finish_fn *finish;          /* or NULL */
    tk_find_fn *find;              /* of positions: these alone */
    tk_find_rows_fn *find_rows;
    tk_find_join_fn *find_join;
} tk_reducer;

/* An index into some dimensions and the byte offset that belongs to it. */
typedef struct tk_cursor {
    int64_t index[TK_MAX_NDIM], offset;
} tk_cursor;

static inline void tk_seek(tk_cursor *at, const tk_dims *dims, int64_t element)
{
    at->offset = 0;
    for (int d = dims->n - 1; d >= 0; d--) {
        int64_t above = d > 0 ? element / dims->size[d] : 0;
        at->index[d] = element - above * dims->size[d];
        at->offset += at->index[d] * dims->stride[d];
        element = above;
    }
}

/* Moves by `step` elements, which must not lead past the end of the innermost dimension. */
static inline void tk_advance(tk_cursor *at, const tk_dims *dims, int64_t step)
{
    int d = dims->n - 1;
    at->index[d] += step;
    at->offset += step * dims->stride[d];
    for (; d > 0 && at->index[d] == dims->size[d]; d--) {
        at->offset += dims->stride[d - 1] - dims->size[d] * dims->stride[d];
        at->index[d] = 0;
        at->index[d - 1]++;
    }
}

/* Elements `step` bytes apart, side by side in `to`, of the accumulators' type. */
static inline void tk_stage_span(const tk_reducer *f, char *to, const char *from, int64_t step,
                                 int64_t n)
{
    if (f->direct)
        tk_gather_span(from, &(tk_span){1, n, 0, step}, to, f->in_size);
    else
        f->stage(to, from, step, n);
}

/* Elements [start, start + n) of one line: in place where contiguous, else in the buffer. */
static inline const void *tk_line(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                                  int64_t start, int64_t n, char *buffer)
{
    const tk_dims *dims = &w->reduced;
    const int last = dims->n - 1;
    tk_cursor at;
    tk_seek(&at, dims, start);
    if (f->direct && (dims->stride[last] == f->size || n == 1) &&
        n <= dims->size[last] - at.index[last])
        return base + at.offset;
    for (int64_t done = 0, part; done < n; done += part) {
        part = dims->size[last] - at.index[last];
        if (part > n - done)
            part = n - done;
        tk_stage_span(f, buffer + done * f->size, base + at.offset, dims->stride[last], part);
        tk_advance(&at, dims, part);
    }
    return buffer;
}

/* That of a unit's output. */
static inline const void *tk_pivot(const tk_reduce_work *w, const tk_reducer *f, int64_t unit)
{
    if (!w->pivot)
        return NULL;
    return w->pivot + (w->columns ? unit % w->outputs : unit / w->chunks) * f->size;
}

/* So many short lines are turned to columns. */
enum { TK_SHORT_LINES = 64 };
_Static_assert(TK_SHORT_LINE * TK_SHORT_LINES * 8 <= TK_CHUNK_BYTES, "doubles fit the buffer");

static inline int tk_is_short(const tk_reduce_work *w, const tk_reducer *f)
{
    return w->length <= TK_SHORT_LINE && w->kept.n == 1 && w->reduced.n == 1 &&
           (f->direct || (w->reduced.stride[0] == f->in_size &&
                          w->kept.stride[0] == w->length * f->in_size));
}

/* What a walk does with n columns from `base` on: with rows [start, start + rows) of them, for units
 * from `unit` on. */
typedef void tk_tile_fn(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                        int64_t start, int64_t rows, int64_t n, int64_t unit);
/* What it does with some lines of n elements, `step` elements apart, that are accumulators already. */
typedef void tk_lines_fn(const tk_reduce_work *w, const tk_reducer *f, const char *x, int64_t n,
                         int64_t step, int64_t lines, int64_t unit);

/* Tiles of at most so many columns side by side. */
TK_INLINE void tk_walk_columns(const tk_reduce_work *w, int64_t lo, int64_t hi, const tk_reducer *f,
                               int64_t most, tk_tile_fn *tile)
{
    const int inner = w->kept.n - 1;
    int64_t chunk = lo / w->outputs, output = lo % w->outputs;
    tk_cursor kept;
    tk_seek(&kept, &w->kept, output);
    for (int64_t n; lo < hi; lo += n) {
        const int64_t start = chunk * w->chunk, rows = w->length - start;
        n = w->kept.size[inner] - kept.index[inner];
        n = n < most ? n : most;
        n = n < hi - lo ? n : hi - lo;
        tile(w, f, w->in + kept.offset, start, rows < w->chunk ? rows : w->chunk, n, lo);
        output += n;
        tk_advance(&kept, &w->kept, n);
        if (output == w->outputs) {
            output = 0;
            chunk++;
            tk_seek(&kept, &w->kept, 0);
        }
    }
}

/* Short lines, turned to tiles of columns. */
TK_INLINE void tk_walk_short_lines(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                   const tk_reducer *f, tk_tile_fn *tile)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES], staged[TK_CHUNK_BYTES];
    tk_reduce_work turned = *w;
    tk_reducer direct = *f;
    const int64_t length = w->length;
    direct.direct = 1;
    direct.in_size = f->size;
    turned.kept.stride[0] = f->size;
    for (int64_t n; lo < hi; lo += n) {
        const char *base = w->in + lo * w->kept.stride[0];
        tk_span span = {length, 0, w->reduced.stride[0], w->kept.stride[0]};
        n = hi - lo < TK_SHORT_LINES ? hi - lo : TK_SHORT_LINES;
        if (!f->direct) {
            f->stage(staged, base, f->in_size, n * length);
            base = staged;
            span = (tk_span){length, 0, f->size, length * f->size};
        }
        span.n = n;
        tk_gather_span(base, &span, buffer, f->size);
        turned.reduced.stride[0] = n * f->size;
        tile(&turned, &direct, buffer, 0, length, n, lo);
    }
}

/* Whole lines, each one chunk and with the same steps: nothing to look up in between. */
static inline int tk_is_plain(const tk_reduce_work *w, const tk_reducer *f)
{
    const int64_t line = w->kept.stride[0], step = w->reduced.stride[0];
    return w->chunks == 1 && w->kept.n == 1 && w->reduced.n == 1 &&
           (f->direct ? step != f->size || line % f->size == 0
                      : step == f->in_size && line == w->length * step);
}

TK_INLINE void tk_walk_plain_lines(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                   const tk_reducer *f, tk_lines_fn *work)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    const int64_t line = w->kept.stride[0], step = w->reduced.stride[0], n = w->length;
    if (f->direct && step == f->size) {
        work(w, f, w->in + lo * line, n, line / f->size, hi - lo, lo);
        return;
    }
    /* side by side in the buffer, as many as it holds */
    const int64_t most = TK_CHUNK_BYTES / (n * f->size);
    for (int64_t some; lo < hi; lo += some) {
        const char *from = w->in + lo * line;
        some = hi - lo < most ? hi - lo : most;
        if (f->direct)
            tk_gather_span(from, &(tk_span){some, n, line, step}, buffer, f->size);
        else
            f->stage(buffer, from, f->in_size, some * n);
        work(w, f, buffer, n, n, some, lo);
    }
}

/* Whether the elements of each line lie side by side. */
static inline int tk_is_contiguous(const tk_reduce_work *w, const tk_reducer *f)
{
    return !w->columns && w->reduced.n == 1 && w->reduced.stride[0] == f->in_size;
}

TK_INLINE void tk_walk_any_lines(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                 const tk_reducer *f, tk_lines_fn *work)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    int64_t chunk = lo % w->chunks;
    const int joins = w->chunks > 1 && f->direct && !w->pivot && tk_is_contiguous(w, f);
    tk_cursor kept;
    tk_seek(&kept, &w->kept, lo / w->chunks);
    for (int64_t some; lo < hi; lo += some) {
        int64_t start = chunk * w->chunk, n = w->length - start;
        if (n > w->chunk)
            n = w->chunk;
        some = 1;
        if (joins && n == w->chunk) { /* whole chunks of a line lie like lines */
            some = w->length / w->chunk - chunk;
            some = some < hi - lo ? some : hi - lo;
            work(w, f, w->in + kept.offset + start * f->size, n, n, some, lo);
        } else {
            work(w, f, tk_line(w, f, w->in + kept.offset, start, n, buffer), n, n, 1, lo);
        }
        if ((chunk += some) == w->chunks) {
            chunk = 0;
            tk_advance(&kept, &w->kept, 1);
        }
    }
}

TK_INLINE void tk_walk_lines(const tk_reduce_work *w, int64_t lo, int64_t hi, const tk_reducer *f,
                             tk_lines_fn *work)
{
    if (tk_is_plain(w, f))
        tk_walk_plain_lines(w, lo, hi, f, work);
    else
        tk_walk_any_lines(w, lo, hi, f, work);
}

/* Rows of columns, the first of them at *at, side by side in `row`: in place, or in the buffer. */
static inline int tk_row_group(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                               tk_cursor *at, int64_t rows, int64_t n, char *buffer,
                               const char *row[TK_ROW_GROUP])
{
    const int group = rows < TK_ROW_GROUP ? (int)rows : TK_ROW_GROUP;
    const int64_t step = w->kept.stride[w->kept.n - 1];
    if (w->reduced.n == 1 && f->direct && step == f->in_size) { /* the same, without look-ups */
        for (int i = 0; i < group; i++)
            row[i] = base + at->offset + i * w->reduced.stride[0];
        at->offset += group * w->reduced.stride[0];
        return group;
    }
    for (int i = 0; i < group; i++) {
        row[i] = base + at->offset;
        tk_advance(at, &w->reduced, 1);
        if (!f->direct || step != f->in_size) {
            char *staged = buffer + i * (TK_CHUNK_BYTES / TK_ROW_GROUP);
            tk_stage_span(f, staged, row[i], step, n);
            row[i] = staged;
        }
    }
    return group;
}

/* Bytes of accumulators for columns side by side at a time. Short rows of cold memory are read one after
 * the other, as it is fetched: those and one more tile for the group fit in L1. Eight wide rows are read at
 * once, in cold memory nearly as far as they go: what moves on through eight streams is fetched at the full
 * speed, too. In the cache it costs more to go through the accumulators again from the second one. */
enum { TK_TILE_BYTES = 1 << 15, TK_WIDE_TILE_BYTES = 1 << 17, TK_COLD_TILE_BYTES = 8192 };

/* Whether the columns of a tile need no staging. */
static inline int tk_is_direct(const tk_reduce_work *w, const tk_reducer *f)
{
    return f->direct && w->kept.stride[w->kept.n - 1] == f->in_size;
}

static inline int tk_one_by_one(const tk_reduce_work *w, const tk_reducer *f)
{
    return w->cold && tk_is_direct(w, f) &&
           w->kept.size[w->kept.n - 1] * f->size <= TK_COLD_TILE_BYTES;
}

/* out, unless first, and a group of rows; one after the other with their sum in a buffer, or at once. The
 * bits are the same: squares, which may be fused with their sums, are only added at once. */
TK_INLINE void tk_add_rows(const tk_reducer *f, char *out, const char *const *row, int group,
                           int64_t n, int how, const char *pivot, char *buffer, int one_by_one)
{
    if (!one_by_one || group == 1 || f->columns != f->merge) {
        f->columns(out, row, group, n, how, pivot);
        return;
    }
    const char *const last[2] = {buffer, row[group - 1]};
    for (int i = 0; i < group - 1; i++)
        f->columns(buffer, row + i, 1, n, i == 0 ? TK_FIRST | TK_FAR : TK_FAR, pivot);
    f->merge(out, last, 2, n, how | TK_FAR, NULL);
}

/* Whole rows of a few columns, `fold` of them taken as one long row, which fills vectors and is read as
 * it lies; the parts of what that gives are put together in halves. */
TK_OUTLINE void tk_fold_rows(const tk_reducer *f, char *out, const char *base, int64_t rows,
                             int64_t n, int64_t fold, const char *pivot, int far,
                             int one_by_one)
{
    _Alignas(64) char sums[2 * TK_FOLDED_BYTES], pivots[2 * TK_FOLDED_BYTES];
    _Alignas(64) char buffer[2 * TK_FOLDED_BYTES];
    _Alignas(64) char staged[TK_ROW_GROUP][2 * TK_FOLDED_BYTES];
    const int64_t size = n * f->size, all = rows / fold;
    const char *row[TK_ROW_GROUP];
    for (int64_t i = 0; i < fold && pivot; i++)
        memcpy(pivots + i * size, pivot, (size_t)size);
    pivot = pivot ? pivots : NULL;
    for (int64_t r = 0, group, some; r * fold < rows; r += group) {
        const int whole = r < all; /* the rest is shorter than a long row */
        group = !whole ? 1 : all - r < TK_ROW_GROUP ? all - r : TK_ROW_GROUP;
        some = (whole ? fold : rows - all * fold) * n;
        for (int64_t i = 0; i < group; i++, base += some * f->in_size) {
            row[i] = f->direct ? base : staged[i];
            if (!f->direct)
                f->stage(staged[i], base, f->in_size, some);
        }
        tk_add_rows(f, sums, row, (int)group, some, far | (r == 0 ? TK_FIRST : 0), pivot, buffer,
                    one_by_one);
    }
    for (int64_t half = fold / 2; half > 0; half /= 2) {
        const char *const other = sums + half * size;
        f->merge(sums, &other, 1, half * n, 0, NULL);
    }
    memcpy(out, sums, (size_t)size);
}

/* The first n of the columns whose rows are folded so, and that begin `column` before base. Where those
 * are parted, each part does the work of all, and has the same bits. */
TK_INLINE void tk_fold_tile(const tk_reduce_work *w, const tk_reducer *f, char *out, const char *base,
                            int64_t rows, int64_t n, int64_t column, int64_t fold, const char *pivot)
{
    char all[2 * TK_FOLDED_BYTES];
    const int64_t width = w->kept.size[w->kept.n - 1];
    const int far = w->outputs * w->length * f->in_size >= TK_FETCHED_BYTES;
    tk_fold_rows(f, all, base - column * f->in_size, rows, width, fold,
                 pivot ? pivot - column * f->size : NULL, far ? TK_FAR : 0, w->cold);
    memcpy(out, all + column * f->size, (size_t)(n * f->size));
}

TK_INLINE void tk_reduce_tile(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                              int64_t start, int64_t rows, int64_t n, int64_t unit)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    char *out = w->out + unit * f->size;
    const char *pivot = tk_pivot(w, f, unit), *row[TK_ROW_GROUP];
    const int one_by_one = tk_one_by_one(w, f);
    const int64_t fold = tk_rows_folded(w, f->in_size, f->size, rows, TK_FOLDED_BYTES);
    tk_cursor at;
    tk_seek(&at, &w->reduced, start);
    if (fold > 1) {
        const int64_t column = unit % w->outputs % w->kept.size[w->kept.n - 1];
        tk_fold_tile(w, f, out, base + at.offset, rows, n, column, fold, pivot);
    }
    for (int64_t r = fold > 1 ? rows : 0, group; r < rows; r += group) {
        group = tk_row_group(w, f, base, &at, rows - r, n, buffer, row);
        tk_add_rows(f, out, row, (int)group, n, r == 0 ? TK_FIRST : 0, pivot, buffer, one_by_one);
    }
    if (w->last && f->finish)
        f->finish(out, n, w->p, pivot);
}

TK_INLINE void tk_reduce_some(const tk_reduce_work *w, const tk_reducer *f, const char *x,
                              int64_t n, int64_t step, int64_t lines, int64_t unit)
{
    char *out = w->out + unit * f->size;
    const void *pivot = tk_pivot(w, f, unit);
    f->lines(out, x, n, step, lines, pivot);
    if (w->last && f->finish)
        f->finish(out, lines, w->p, pivot);
}

TK_OUTLINE void tk_reduce_units(const void *work, int64_t lo, int64_t hi, const tk_reducer *f)
{
    const tk_reduce_work *w = work;
    const int64_t staged = f->direct ? f->in_size : f->size; /* bytes of what a buffer of rows holds */
    const int64_t most = tk_one_by_one(w, f)  ? TK_COLD_TILE_BYTES / f->size
                         : tk_is_direct(w, f) ? (w->cold ? TK_WIDE_TILE_BYTES : TK_TILE_BYTES) / f->size
                                              : TK_CHUNK_BYTES / TK_ROW_GROUP / staged;
    if (w->columns)
        tk_walk_columns(w, lo, hi, f, most, tk_reduce_tile);
    else if (tk_is_short(w, f))
        tk_walk_short_lines(w, lo, hi, f, tk_reduce_tile);
    else
        tk_walk_lines(w, lo, hi, f, tk_reduce_some);
}

/* What a chunk of a contiguous line is reduced to. */
typedef int64_t tk_ask_fn(const void *x, int64_t n);

/* An answer that decides is that of the whole line: nothing more of it is read. */
TK_OUTLINE void tk_ask_lines(const tk_reduce_work *w, int64_t lo, int64_t hi, const tk_reducer *f,
                             tk_ask_fn *ask, int64_t decisive)
{
    int64_t output = lo / w->chunks, chunk = lo % w->chunks, answer = 0;
    int decided = 0;
    tk_cursor kept;
    tk_seek(&kept, &w->kept, output);
    for (; lo < hi; lo++) {
        const int64_t start = chunk * w->chunk, rest = w->length - start;
        if (!decided)
            answer = ask(w->in + kept.offset + start * f->in_size,
                         rest < w->chunk ? rest : w->chunk);
        decided = answer == decisive;
        if (f->size == 1)
            ((uint8_t *)w->out)[lo] = (uint8_t)answer;
        else
            ((int64_t *)(void *)w->out)[lo] = answer;
        if (++chunk == w->chunks) {
            chunk = decided = 0;
            output++;
            tk_advance(&kept, &w->kept, 1);
        }
    }
}

/* So many columns, whose places are found, have their rows staged in the buffer; those that need not be
 * are taken in longer pieces, as far as their extremes stay in L1. */
enum { TK_FIND_TILE = TK_CHUNK_BYTES / TK_ROW_GROUP / 8, TK_FIND_WIDE = 2048 };
_Static_assert(2 * TK_FOUND_COLUMNS <= TK_FIND_TILE, "as many as folded rows have");

/* The rows from *at on of n columns, which fill best and place. */
TK_INLINE void tk_find_in_rows(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                               tk_cursor *at, int64_t rows, int64_t n, char *best, int64_t *place)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    const char *row[TK_ROW_GROUP];
    for (int64_t r = 0, group; r < rows; r += group) {
        group = tk_row_group(w, f, base, at, rows - r, n, buffer, row);
        f->find_rows(best, place, row, (int)group, n, r, r == 0);
    }
}

/* Whole rows of a few columns, `fold` of them taken as one long row. The rows that are left are a
 * shorter one. */
TK_OUTLINE void tk_find_folded(const tk_reducer *f, const char *base, int64_t rows, int64_t n,
                               int64_t fold, char *best, int64_t *place)
{
    const int64_t wide = n * fold, step = wide * f->size, all = rows / fold;
    const char *row[TK_ROW_GROUP];
    for (int64_t r = 0, group; r < all; r += group, base += group * step) {
        group = all - r < TK_ROW_GROUP ? all - r : TK_ROW_GROUP;
        for (int64_t i = 0; i < group; i++)
            row[i] = base + i * step;
        f->find_rows(best, place, row, (int)group, wide, r, r == 0);
    }
    *row = base;
    if (all * fold < rows)
        f->find_rows(best, place, row, 1, (rows - all * fold) * n, all, 0);
    f->find_join(best, place, fold, n);
}

TK_INLINE void tk_find_tile(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                            int64_t start, int64_t rows, int64_t n, int64_t unit)
{
    _Alignas(64) char values[TK_FIND_WIDE * 8];
    int64_t places[TK_FIND_TILE], *place = w->out_index + unit;
    char *best = w->out ? w->out + unit * f->size : values;
    const int64_t fold = tk_rows_folded(w, f->in_size, f->size, rows, TK_FOUND_COLUMNS * f->size);
    tk_cursor at;
    tk_seek(&at, &w->reduced, start);
    if (fold > 1) { /* where the columns are parted, each part does the work of all */
        const int64_t width = w->kept.size[w->kept.n - 1], column = unit % w->outputs % width;
        tk_find_folded(f, base + at.offset - column * f->size, rows, width, fold, values, places);
        memcpy(place, places + column, (size_t)n * sizeof *place);
        if (best != values)
            memcpy(best, values + column * f->size, (size_t)(n * f->size));
    } else {
        tk_find_in_rows(w, f, base, &at, rows, n, best, place);
    }
    const int64_t output = w->in_index ? unit % w->outputs : 0;
    for (int64_t i = 0; i < n; i++) {
        place[i] += start;
        if (w->in_index)
            place[i] = w->in_index[place[i] * w->outputs + output + i];
    }
}

/* A chunk that does not beat those of its line before it is not searched: it hands on the best of them,
 * which the next phase meets there first. */
TK_INLINE void tk_find_some(const tk_reduce_work *w, const tk_reducer *f, const char *x, int64_t n,
                            int64_t step, int64_t lines, int64_t unit)
{
    int64_t chunk = unit % w->chunks;
    const char *best = NULL;
    for (int64_t i = 0; i < lines; i++, unit++, x += step * f->size) {
        const int64_t found = f->find(x, n, chunk ? best : NULL);
        const int64_t position = chunk * w->chunk + found;
        char *value = w->out ? w->out + unit * f->size : NULL;
        if (value)
            memcpy(value, found < 0 ? best : x + found * f->size, (size_t)f->size);
        best = value;
        if (found >= 0)
            w->out_index[unit] =
                w->in_index ? w->in_index[unit / w->chunks * w->length + position] : position;
        else
            w->out_index[unit] = w->out_index[unit - 1];
        if (++chunk == w->chunks)
            chunk = 0;
    }
}

TK_OUTLINE void tk_find_units(const void *work, int64_t lo, int64_t hi, const tk_reducer *f)
{
    const tk_reduce_work *w = work;
    if (w->columns)
        tk_walk_columns(w, lo, hi, f, tk_is_direct(w, f) ? TK_FIND_WIDE : TK_FIND_TILE, tk_find_tile);
    else if (tk_is_short(w, f) && !w->in_index)
        tk_walk_short_lines(w, lo, hi, f, tk_find_tile);
    else
        tk_walk_lines(w, lo, hi, f, tk_find_some);
}

/* What kernels of rows treat at a time: `rows` lines of n elements each, one behind the other, or n
 * lines side by side, `rows` elements of each, the first line `first` elements behind the start of a
 * row; stride elements from row to row. So many elements ahead are fetched, unless 0. Results go past the
 * caches where there are pieces. */
typedef struct tk_block {
    int64_t rows, n, first, stride, ahead;
    tk_pieces *pieces;
} tk_block;

/* Lines one behind the other that every step of a row kernel does before the next step begins: the
 * chains of their sums run at once, where one line's would be waited for. Together they are short. */
enum { TK_BLOCK_LINES = 8, TK_LINES_ELEMENTS = 4096 };

static inline int64_t tk_lines_together(int64_t length, int64_t most)
{
    int64_t lines = TK_LINES_ELEMENTS / length;
    lines = lines > TK_BLOCK_LINES ? TK_BLOCK_LINES : lines < 1 ? 1 : lines;
    return lines < most ? lines : most;
}

/* How many rows of n elements, `step` apart, are rewritten as one of at most so many: as each column's
 * numbers are repeated for that, some of the rows at most; 1 where they lie apart. */
static inline int64_t tk_rows_joined_to(int64_t most, int64_t n, int64_t step, int64_t rows)
{
    const int64_t fold = n == step ? most / n : 1;
    return rows < 8 * fold ? rows / 8 + 1 : fold;
}

/* How far ahead a block of so many elements asks for the next one, where so many are left: in itself where
 * the second cache does not hold both. */
static inline int64_t tk_ahead(int64_t block, int64_t left)
{
    enum { MOST = 1 << 15, NEAR = 1 << 11 };
    return left < TK_FETCHED_BYTES / 4 ? 0 : block > MOST ? NEAR : block;
}

/* The block that starts with line lo and at element *at; returns how many lines it has. */
static inline int64_t tk_next_lines(const tk_rows_work *w, int64_t lo, int64_t hi, tk_pieces *pieces,
                                    tk_block *b, int64_t *at)
{
    const int64_t rows = tk_lines_together(w->length, hi - lo);
    *b = (tk_block){.rows = rows,
                    .n = w->length,
                    .stride = w->length,
                    .ahead = tk_ahead(rows * w->length, (hi - lo) * w->length),
                    .pieces = pieces};
    *at = lo * w->length;
    return b->rows;
}

/* The same of at most so many lines that lie across each other. */
static inline int64_t tk_next_columns(const tk_rows_work *w, int64_t lo, int64_t hi, int64_t most,
                                      tk_pieces *pieces, tk_block *b, int64_t *at)
{
    const int64_t column = lo % w->inner, left = w->inner - column;
    const int64_t n = left < hi - lo ? left : hi - lo;
    *b = (tk_block){.rows = w->length,
                    .n = n < most ? n : most,
                    .first = column,
                    .stride = w->inner,
                    .ahead = n == w->inner && n <= most
                                 ? tk_ahead(w->length * n, (hi - lo) * w->length)
                                 : 0,
                    .pieces = pieces};
    *at = lo / w->inner * w->length * w->inner + column;
    return b->n;
}

/* Reductions of the types that others accumulate in, defined when those are included. */
static tk_line_group_fn sum_lines_i64, prod_lines_i64, amax_lines_bool, amin_lines_bool;
static tk_column_fn sum_columns_i64, prod_columns_i64, amax_columns_bool, amin_columns_bool;

#endif
