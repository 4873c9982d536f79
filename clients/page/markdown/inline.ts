export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'break' }
  | { kind: 'strong' | 'emphasis' | 'strike'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] };

/** A run of `*`, `_` or `~` that may begin or end emphasis. */
export interface Delimiter {
  kind: 'delimiter';
  mark: string;
  count: number;
  opens: boolean;
  closes: boolean;
}

export type Piece = Inline | Delimiter;
