import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import type { Column, Table } from './table.js';
import { columnTypeFor, type DatabaseType, indexName, keyName, textOptions } from './table-ddl.js';

/** Tables as TypeORM knows them, for a database of this type. */
export function entitySchemas(tables: readonly Table[], type: DatabaseType): EntitySchema[] {
  return tables.map((table) => {
    const columns: Record<string, EntitySchemaColumnOptions> = {};
    for (const [name, column] of Object.entries(table.columns)) {
      columns[name] = columnOptions(column, type, table.key.includes(name) ? keyName(table.name) : undefined);
    }
    return new EntitySchema<Record<string, unknown>>({
      name: table.name,
      tableName: table.name,
      columns,
      indices: table.indexes.map((index) => ({ name: indexName(table.name, index), columns: [...index] })),
    });
  });
}

function columnOptions(
  column: Column,
  type: DatabaseType,
  primaryKeyConstraintName: string | undefined,
): EntitySchemaColumnOptions {
  return {
    type: columnTypeFor(column.kind, type),
    ...(column.length === undefined ? {} : { length: column.length }),
    ...textOptions(column.kind, type),
    nullable: column.nullable,
    ...(primaryKeyConstraintName === undefined ? {} : { primary: true, primaryKeyConstraintName }),
  };
}
