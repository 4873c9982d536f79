export type Alignment = 'left' | 'center' | 'right' | undefined;

export interface ListItem {
  raw: string;
  /** Set for a task: whether it is done. */
  checked: boolean | undefined;
  blocks: Block[];
}

type BlockContent =
  | { kind: 'paragraph'; text: string }
  | { kind: 'heading'; level: number; text: string }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'rule' }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; start: number | undefined; tight: boolean; items: ListItem[] }
  | { kind: 'table'; alignments: Alignment[]; header: string[]; rows: string[][] };

/** A block of an answer; equal `kind` and `raw` mean equal blocks. */
export type Block = BlockContent & {
  /** Its source lines. */
  raw: string;
  /** Index of its first line. */
  line: number;
};

/** A block as read, and the index of the line behind it. */
export interface ReadBlock {
  content: BlockContent;
  end: number;
}
